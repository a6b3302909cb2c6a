/* The per-thread message behind every status code: the library's only mutable global. */
#include "base/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 256 }; /* the final NUL included */

static _Thread_local char message[MESSAGE_BYTES];

/* Bytes of the character at s, or 0 where s does not begin well-formed UTF-8 (Unicode table 3-7) or
 * begins a control character (C0, DEL, C1). The final NUL stops it, as it continues no sequence. */
static size_t printable(const unsigned char *s)
{
    static const uint32_t least[] = {0, 0, 0xA0, 0x800, 0x10000}; /* by length */

    if (s[0] < 0x80) return s[0] >= 0x20 && s[0] != 0x7F;
    if (s[0] < 0xC2 || s[0] > 0xF4) return 0;
    size_t n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    uint32_t code = s[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        code = code << 6 | (s[i] & 0x3Fu);
    }
    bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    return code >= least[n] && code <= 0x10FFFF && !surrogate ? n : 0;
}

static void make_printable(char *text)
{
    unsigned char *at = (unsigned char *)text;

    while (*at != '\0') {
        size_t n = printable(at);
        if (n == 0) {
            *at = '?';
            n = 1;
        }
        at += n;
    }
}

int32_t ae__fail(int32_t code, const char *format, ...)
{
    char text[MESSAGE_BYTES] = ""; /* an argument may be the old message */
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    make_printable(text);
    memcpy(message, text, sizeof message);
    return code;
}

const char *ae__message(void)
{
    return message;
}
