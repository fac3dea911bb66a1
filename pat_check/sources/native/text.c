/* See text.h. */
#include "text.h"

uint8_t classes[256];

void text_classes(void) {
    for (int c = '!'; c <= '~'; c++) {
        if (c == '"')
            continue;
        classes[c] = OF_WORD | (c == '=' ? 0 : OF_KEY);
        if (c == '_' || c == '.' || is_digit((char)c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
            classes[c] |= OF_NAME;
    }
}
