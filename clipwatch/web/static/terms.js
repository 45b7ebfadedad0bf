// The terms of a search text, as far as the page itself takes them apart: pieces between blanks,
// quotes holding together what stands in them.

export const termsOf = (query) => query.match(/(?:[^\s"]|"(?:\\.|[^"\\])*"?)+/g) ?? [];

export const hasTerm = (query, term) => termsOf(query).includes(term);

export const without = (query, term) =>
  termsOf(query)
    .filter((each) => each !== term)
    .join(" ");
