/* The floor for reading containers: finds and reads the texts of PNG, JPEG and WebP files, and
 * parses none of them. File names on standard input, a line each; prints the nanoseconds that all
 * of them took. */
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

static unsigned char head[FIRST], text[MOST], tail[64];
static volatile unsigned long seen;

static uint32_t be32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static uint32_t le32(const unsigned char *p) {
    return (uint32_t)p[3] << 24 | p[2] << 16 | p[1] << 8 | p[0];
}

static void take(int fd, off_t at, uint32_t length, const unsigned char *had, ssize_t have) {
    if (length > MOST) return;
    if (at + length <= have) memcpy(text, had + at, length);
    else if (pread(fd, text, length, at) != (ssize_t)length) return;
    seen += text[0] + length;
}

static const unsigned char *header_at(int fd, off_t at, ssize_t have, unsigned char *room) {
    if (at + 8 <= have) return head + at;
    return pread(fd, room, 8, at) == 8 ? room : NULL;
}

static void png(int fd, off_t size, ssize_t have) {
    unsigned char room[8];
    for (off_t at = 8; at + 12 <= size;) {
        const unsigned char *p = header_at(fd, at, have, room);
        if (!p || !memcmp(p + 4, "IDAT", 4) || !memcmp(p + 4, "IEND", 4)) break;
        uint32_t length = be32(p);
        if (!memcmp(p + 4, "tEXt", 4) || !memcmp(p + 4, "iTXt", 4) || !memcmp(p + 4, "zTXt", 4))
            take(fd, at + 8, length, head, have);
        at += 12 + (off_t)length;
    }
}

static void jpeg(int fd, off_t size, ssize_t have) {
    unsigned char room[8];
    for (off_t at = 2; at + 8 <= size;) {
        const unsigned char *p = header_at(fd, at, have, room);
        if (!p || p[0] != 0xff || p[1] == 0xda) break;
        uint32_t length = (uint32_t)p[2] << 8 | p[3];
        if (p[1] == 0xe1) take(fd, at + 4, length - 2, head, have);
        at += 2 + length;
    }
}

static void webp(int fd, off_t size, ssize_t have) {
    unsigned char room[8];
    for (off_t at = 12; at + 8 <= size;) {
        const unsigned char *p = header_at(fd, at, have, room);
        if (!p) break;
        uint32_t length = le32(p + 4);
        if (!memcmp(p, "EXIF", 4)) take(fd, at + 8, length, head, have);
        at += 8 + (off_t)length + (length & 1);
    }
}

static void read_file(const char *path) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) exit(1);
    fstat(fd, &status);
    ssize_t have = pread(fd, head, FIRST, 0);
    off_t end = status.st_size > 64 ? status.st_size - 64 : 0;
    seen += pread(fd, tail, 64, end); /* is it complete? */
    if (have > 12 && !memcmp(head, "\x89PNG", 4)) png(fd, status.st_size, have);
    else if (have > 12 && head[0] == 0xff) jpeg(fd, status.st_size, have);
    else if (have > 12 && !memcmp(head, "RIFF", 4)) webp(fd, status.st_size, have);
    close(fd);
}

int main(void) {
    static char *paths[1 << 20];
    char line[4096];
    struct timespec from, to;
    int count = 0;
    while (count < 1 << 20 && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        paths[count++] = strdup(line);
    }
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < count; i++) read_file(paths[i]);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%lld\n", (to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec);
    return 0;
}
