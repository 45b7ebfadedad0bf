/* The floor for reading containers: of PNG, JPEG and WebP files what `container.look` tells, texts
 * as strings, size and completeness, and nothing of what the texts say. File names on standard
 * input, a line each; prints the nanoseconds of processor time that all of them took. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FIRST 4096
#define MOST (4 << 20)

static unsigned char head[FIRST], tail[64], room[MOST];
static char *texts[64];
static int count, complete;
static uint32_t width, height;
static volatile unsigned long seen;

static uint32_t be32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static uint32_t le32(const unsigned char *p) {
    return (uint32_t)p[3] << 24 | p[2] << 16 | p[1] << 8 | p[0];
}

/* The bytes at a place, out of the first read where they are in it. */
static const unsigned char *bytes_at(int fd, off_t at, uint32_t length, ssize_t have) {
    if (at + (off_t)length <= have) return head + at;
    return length <= MOST && pread(fd, room, length, at) == (ssize_t)length ? room : NULL;
}

static int is_utf8(const unsigned char *p, size_t length) {
    for (size_t i = 0; i < length;) {
        uint64_t eight;
        if (i + 8 <= length && (memcpy(&eight, p + i, 8), !(eight & 0x8080808080808080))) {
            i += 8;
            continue;
        }
        int more = p[i] < 0x80 ? 0 : p[i] < 0xc2 ? -1 : p[i] < 0xe0 ? 1 : p[i] < 0xf0 ? 2 : p[i] < 0xf5 ? 3 : -1;
        if (more < 0 || i + more >= length) return 0;
        for (int n = 1; n <= more; n++)
            if ((p[i + n] & 0xc0) != 0x80) return 0;
        i += 1 + more;
    }
    return 1;
}

static char *put(char *to, uint32_t rune) {
    if (rune < 0x80) *to++ = rune;
    else if (rune < 0x800) *to++ = 0xc0 | rune >> 6, *to++ = 0x80 | (rune & 63);
    else *to++ = 0xe0 | rune >> 12, *to++ = 0x80 | (rune >> 6 & 63), *to++ = 0x80 | (rune & 63);
    return to;
}

/* A string of its own: UTF-8 as it is, and everything else as latin-1. */
static void keep(const unsigned char *p, size_t length) {
    int same = is_utf8(p, length);
    char *text = malloc((same ? length : 2 * length) + 1), *to = text;
    if (same) memcpy(text, p, length), to += length;
    else for (size_t i = 0; i < length; i++) to = put(to, p[i]);
    *to = 0;
    if (count < 64) texts[count++] = text;
    else free(text);
}

static void keep_utf16(const unsigned char *p, size_t length) {
    char *text = malloc(3 * length / 2 + 1), *to = text;
    for (size_t i = 0; i + 1 < length; i += 2) to = put(to, p[i] << 8 | p[i + 1]);
    *to = 0;
    if (count < 64) texts[count++] = text;
    else free(text);
}

/* UserComment, which the Exif IFD has that IFD0 points to. */
static void exif(const unsigned char *p, uint32_t length) {
    if (length > 6 && !memcmp(p, "Exif\0\0", 6)) p += 6, length -= 6;
    if (length < 8) return;
    uint32_t (*u32)(const unsigned char *) = *p == 'M' ? be32 : le32;
    uint32_t wanted = 0x8769, at = u32(p + 4);
    for (int level = 0; level < 2; level++) {
        if (at + 2 > length) return;
        uint32_t entries = *p == 'M' ? p[at] << 8 | p[at + 1] : p[at + 1] << 8 | p[at];
        const unsigned char *entry = p + at + 2, *end = entry + 12 * entries;
        if (end > p + length) return;
        for (; entry < end; entry += 12)
            if ((uint32_t)(*p == 'M' ? entry[0] << 8 | entry[1] : entry[1] << 8 | entry[0]) == wanted) break;
        if (entry == end) return;
        at = u32(entry + 8);
        uint32_t size = u32(entry + 4);
        if (level && at + size <= length && size > 8) {
            if (!memcmp(p + at, "UNICODE", 8)) keep_utf16(p + at + 8, size - 8);
            else keep(p + at + 8, size - 8);
        }
        wanted = 0x9286;
    }
}

static void png(int fd, off_t size, ssize_t have) {
    width = be32(head + 16), height = be32(head + 20);
    complete = !memcmp(tail + 52, "\0\0\0\0IEND\xae\x42\x60\x82", 12);
    for (off_t at = 33; at + 12 <= size;) {
        const unsigned char *p = bytes_at(fd, at, 8, have);
        if (!p || !memcmp(p + 4, "IDAT", 4) || !memcmp(p + 4, "IEND", 4)) break;
        uint32_t length = be32(p);
        int international = !memcmp(p + 4, "iTXt", 4);
        if ((international || !memcmp(p + 4, "tEXt", 4)) && (p = bytes_at(fd, at + 8, length, have))) {
            const unsigned char *end = p + length, *text = memchr(p, 0, length < 80 ? length : 80);
            if (text && international && text + 2 < end) {
                text = memchr(text + 3, 0, end - text - 3);
                text = text ? memchr(text + 1, 0, end - text - 1) : NULL;
            }
            if (text) keep(text + 1, end - text - 1);
        }
        at += 12 + (off_t)length;
    }
}

static void jpeg(int fd, off_t size, ssize_t have) {
    for (off_t at = 2; at + 10 <= size;) {
        const unsigned char *p = bytes_at(fd, at, 10, have);
        if (!p || p[0] != 0xff || p[1] == 0xda) break;
        uint32_t length = (uint32_t)p[2] << 8 | p[3];
        if (p[1] >= 0xc0 && p[1] <= 0xc2) height = p[5] << 8 | p[6], width = p[7] << 8 | p[8];
        if (p[1] == 0xe1 && (p = bytes_at(fd, at + 4, length - 2, have))) exif(p, length - 2);
        at += 2 + length;
    }
    complete = tail[62] == 0xff && tail[63] == 0xd9;
}

static void webp(int fd, off_t size, ssize_t have) {
    complete = 8 + (off_t)le32(head + 4) <= size && tail[63] | tail[62] | tail[61] | tail[60];
    for (off_t at = 12; at + 8 <= size;) {
        const unsigned char *p = bytes_at(fd, at, 18, have);
        if (!p && !(p = bytes_at(fd, at, 8, have))) break;
        uint32_t length = le32(p + 4);
        if (!memcmp(p, "VP8X", 4)) width = (le32(p + 12) & 0xffffff) + 1, height = (le32(p + 14) >> 8) + 1;
        if (!memcmp(p, "EXIF", 4) && (p = bytes_at(fd, at + 8, length, have))) exif(p, length);
        at += 8 + (off_t)length + (length & 1);
    }
}

static void read_file(const char *path) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) exit(1);
    fstat(fd, &status);
    ssize_t have = pread(fd, head, FIRST, 0);
    if (status.st_size < 64 || pread(fd, tail, 64, status.st_size - 64) != 64) exit(1);
    if (have > 33 && !memcmp(head, "\x89PNG", 4)) png(fd, status.st_size, have);
    else if (have > 12 && head[0] == 0xff) jpeg(fd, status.st_size, have);
    else if (have > 12 && !memcmp(head, "RIFF", 4)) webp(fd, status.st_size, have);
    close(fd);
    seen += width + height + complete + count;
    while (count) free(texts[--count]);
}

static long long spent(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(void) {
    static char *paths[1 << 20];
    char line[4096];
    int files = 0;
    while (files < 1 << 20 && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        paths[files++] = strdup(line);
    }
    long long began = spent();
    for (int i = 0; i < files; i++) read_file(paths[i]);
    printf("%lld\n", spent() - began);
    return 0;
}
