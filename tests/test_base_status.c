/* base/status: what may stand in a message, and whose message it is. */
#include "base/status.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void message_is(const char *given, const char *shown)
{
    ae__fail(AE_ERR_FORMAT, "%s", given);
    assert_string_equal(ae__message(), shown);
}

static void fail_returns_the_code_and_formats_the_message(void **state)
{
    (void)state;
    assert_int_equal(ae__fail(AE_ERR_SHAPE, "conv2d #%d: kernel %d exceeds width %d", 3, 5, 4),
                     AE_ERR_SHAPE);
    assert_string_equal(ae__message(), "conv2d #3: kernel 5 exceeds width 4");
}

static void message_is_cut_at_255_bytes(void **state)
{
    char given[400], shown[256];

    (void)state;
    memset(given, 'x', sizeof given);
    given[sizeof given - 1] = '\0';
    memset(shown, 'x', sizeof shown);
    shown[255] = '\0';
    message_is(given, shown);
}

static void character_cut_in_two_becomes_question_marks(void **state)
{
    char given[300], shown[256];

    (void)state;
    memset(given, 'x', 254);
    strcpy(given + 254, "\xC3\xA4");
    memset(shown, 'x', 254);
    strcpy(shown + 254, "?");
    message_is(given, shown);
}

static void control_characters_become_question_marks(void **state)
{
    (void)state;
    message_is("a\nb\tc\x1B[31m\x7F", "a?b?c?[31m?");
    message_is("\xC2\x9B"
               "2J", /* C1: what some terminals take for ESC [ */
               "??2J");
}

static void well_formed_utf8_is_kept(void **state)
{
    const char *text = "\xC3\xA4 \xE2\x82\xAC \xEF\xBF\xBD \xF0\x9F\x98\x80 \xF4\x8F\xBF\xBF";

    (void)state;
    message_is(text, text);
}

static void malformed_utf8_becomes_question_marks(void **state)
{
    (void)state;
    message_is("\x80|\xBF|\xFF|\xFE", "?|?|?|?");
    message_is("\xC0\xAF|\xC1\xBF", "??|??");                     /* overlong, 2 bytes */
    message_is("\xE0\x80\xAF|\xF0\x80\x80\xAF", "???|????");      /* overlong, 3 and 4 */
    message_is("\xED\xA0\x80|\xED\xBF\xBF", "???|???");           /* surrogates */
    message_is("\xF4\x90\x80\x80|\xF5\x80\x80\x80", "????|????"); /* beyond U+10FFFF */
    message_is("\xE2\x82|\xE2", "??|?");                          /* truncated */
}

static void message_may_quote_the_message_before(void **state)
{
    (void)state;
    ae__fail(AE_ERR_IO, "cause");
    ae__fail(AE_ERR_IO, "load: %s", ae__message());
    assert_string_equal(ae__message(), "load: cause");
}

static void *fail_elsewhere(void *first)
{
    strcpy(first, ae__message());
    ae__fail(AE_ERR_STATE, "theirs");
    return NULL;
}

static void each_thread_has_its_own_message(void **state)
{
    pthread_t thread;
    char first[256] = "unset";

    (void)state;
    ae__fail(AE_ERR_STATE, "ours");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, first), 0);
    pthread_join(thread, NULL);
    assert_string_equal(first, "");
    assert_string_equal(ae__message(), "ours");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fail_returns_the_code_and_formats_the_message),
        cmocka_unit_test(message_is_cut_at_255_bytes),
        cmocka_unit_test(character_cut_in_two_becomes_question_marks),
        cmocka_unit_test(control_characters_become_question_marks),
        cmocka_unit_test(well_formed_utf8_is_kept),
        cmocka_unit_test(malformed_utf8_becomes_question_marks),
        cmocka_unit_test(message_may_quote_the_message_before),
        cmocka_unit_test(each_thread_has_its_own_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
