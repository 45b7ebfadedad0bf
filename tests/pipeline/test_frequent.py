from clipwatch.pipeline.frequent import frequent_terms


def test_terms_of_the_most_texts_come_first_in_no_marks_but_their_own() -> None:
    texts = ["(blurry:1.2), bad_hands", "bad hands, text", "Blurry", "bad hands", "bad hands"]
    assert frequent_terms(texts, "", 9) == ["bad hands", "blurry", "text"]
    assert frequent_terms(texts, "Bad_H", 9) == ["bad hands"]
    assert frequent_terms(texts, "", 1) == ["bad hands"]
    assert frequent_terms([], "x", 9) == []
