/* The .aem file: what is saved comes back bit for bit, and damage is told from a newer version. */
#include "test_file.h"

/* ---- there and back ---- */

static void loading_a_saved_model_gives_the_same_file(void **state)
{
    (void)state;
    blob b = small_file();
    ae_model *m;
    ok(ae_model_load_memory(&m, b.bytes, b.count));
    blob again = saved(m);
    assert_same(again, b);
    ae_model_free(m);
    free(again.bytes);
    free(b.bytes);
}

static void loaded_model_computes_the_same_bits(void **state)
{
    (void)state;
    float y[2][ROWS * 3];
    ae_model *m[2] = {small_model()};
    train(m[0], 3);
    blob b = saved(m[0]);
    ok(ae_model_load_memory(&m[1], b.bytes, b.count));
    for (int i = 0; i < 2; i++) {
        ok(ae_reconstruct(m[i], small_data(), ROWS, y[i], ROWS * 3));
        assert_int_equal(ae_model_epochs(m[i]), 3);
        assert_int_equal(ae_model_steps(m[i]), 9);
        ae_model_free(m[i]);
    }
    assert_memory_equal(y[0], y[1], sizeof y[0]);
    free(b.bytes);
}

/* Trains 10 epochs under the optimiser, at once or with a file between the fifth and the sixth. */
static blob ten_epochs(int32_t optimizer, bool through_file)
{
    ae_config *c;
    ae_model *m;
    ok(ae_config_create(&c));
    ae_config_input(c, 3);
    ae_config_dense(c, 4, AE_ACT_LEAKY_RELU);
    ae_config_code(c);
    ae_config_dense(c, 3, AE_ACT_LINEAR);
    ae_config_loss(c, AE_LOSS_MSE);
    ae_config_optimizer(c, optimizer);
    if (optimizer == AE_OPTIM_SGD) ae_config_set_f64(c, AE_PARAM_MOMENTUM, 0.9);
    ae_config_set_i64(c, AE_PARAM_BATCH, 7);
    ok(ae_model_create(&m, c));
    ae_config_free(c);
    if (through_file) {
        train(m, 5);
        blob half = saved(m);
        ae_model_free(m);
        ok(ae_model_load_memory(&m, half.bytes, half.count));
        free(half.bytes);
    }
    train(m, 10);
    blob b = saved(m);
    ae_model_free(m);
    return b;
}

static void five_epochs_a_file_and_five_more_are_ten(void **state)
{
    (void)state;
    const int32_t optimizers[] = {AE_OPTIM_SGD, AE_OPTIM_ADAM, AE_OPTIM_ADAMW, AE_OPTIM_RMSPROP};
    for (size_t i = 0; i < sizeof optimizers / sizeof *optimizers; i++) {
        blob once = ten_epochs(optimizers[i], false), twice = ten_epochs(optimizers[i], true);
        assert_same(twice, once);
        free(once.bytes);
        free(twice.bytes);
    }
}

/* Cancels in the middle of the second epoch. */
static int32_t stop(const ae_event *event, void *user)
{
    (void)user;
    return event->epoch == 2 && event->step == 1;
}

/* 3 - 2 drawn (code) - 3, whose divergence is warmed up over more than an epoch. */
static ae_model *drawn_model(void)
{
    ae_config *c;
    ae_model *m;
    ok(ae_config_create(&c));
    ae_config_set_i64(c, AE_PARAM_BATCH, 8);
    ae_config_input(c, 3);
    ae_config_dense(c, 4, AE_ACT_LINEAR);
    ae_config_gaussian(c);
    ae_config_set_i64(c, AE_PARAM_SAMPLES, 3);
    ae_config_penalty(c, AE_PENALTY_KL, 1);
    ae_config_set_f64(c, AE_PARAM_WARMUP, 2.5);
    ae_config_code(c);
    ae_config_dense(c, 3, AE_ACT_SIGMOID);
    ae_config_penalty(c, AE_PENALTY_KL_SPARSITY, 0.25);
    ae_config_loss(c, AE_LOSS_GAUSSIAN_NLL);
    ok(ae_config_set_i64(c, AE_PARAM_VARIANCE_KIND, AE_VARIANCE_GLOBAL));
    ok(ae_model_create(&m, c));
    ae_config_free(c);
    return m;
}

/* The file of 4 epochs, in which `stop` is asked, and the file that is then saved is loaded. */
static blob four_epochs(ae_model *m, bool stopped)
{
    if (stopped) {
        ae_fit_options *o;
        ok(ae_fit_options_create(&o));
        ok(ae_fit_options_set_i64(o, AE_FIT_EPOCHS, 4));
        ok(ae_fit_options_progress(o, stop, NULL));
        assert_int_equal(ae_fit(m, small_data(), NULL, ROWS, o), AE_ERR_CANCELLED);
        ae_fit_options_free(o);
        blob half = saved(m);
        ae_model_free(m);
        ok(ae_model_load_memory(&m, half.bytes, half.count));
        free(half.bytes);
    }
    train(m, 4);
    blob b = saved(m);
    ae_model_free(m);
    return b;
}

static void half_an_epoch_is_kept(void **state)
{
    ae_model *(*const makes[])(void) = {small_model, drawn_model};
    (void)state;
    for (int i = 0; i < 2; i++) {
        blob once = four_epochs(makes[i](), false), twice = four_epochs(makes[i](), true);
        assert_same(twice, once);
        free(once.bytes);
        free(twice.bytes);
    }
}

static void history_comes_back_with_its_nans(void **state)
{
    (void)state;
    double values[4][2][2];
    size_t count;
    ae_model *m[2] = {small_model()};
    train(m[0], 2);
    blob b = saved(m[0]);
    ok(ae_model_load_memory(&m[1], b.bytes, b.count));
    for (int32_t metric = 0; metric < 4; metric++) {
        for (int i = 0; i < 2; i++) {
            ok(ae_model_history(m[i], metric, values[metric][i], 2, &count));
            assert_int_equal(count, 2);
        }
        assert_memory_equal(values[metric][0], values[metric][1], sizeof values[metric][0]);
    }
    assert_true(values[AE_METRIC_VAL_LOSS][1][0] != values[AE_METRIC_VAL_LOSS][1][0]);
    ae_model_free(m[0]);
    ae_model_free(m[1]);
    free(b.bytes);
}

static void stripped_model_has_no_optional_chunk(void **state)
{
    (void)state;
    ae_model *m = small_model();
    blob fresh = saved(m);
    train(m, 2);
    ok(ae_model_strip(m));
    blob b = saved(m);
    assert_int_equal(forge_find(b, "trnd"), b.count);
    assert_int_equal(forge_find(b, "stat"), b.count);
    assert_int_equal(b.count, fresh.count);
    ok(try_load(b));
    ae_model_free(m);
    free(fresh.bytes);
    free(b.bytes);
}

static void buffer_too_small_is_left_alone(void **state)
{
    (void)state;
    ae_model *m = small_model();
    blob b = saved(m), untouched = blob_of(b.bytes, b.count);
    size_t bytes = 1;
    memset(b.bytes, 0xA5, b.count);
    memset(untouched.bytes, 0xA5, b.count);
    assert_int_equal(ae_model_save_memory(m, b.bytes, b.count - 1, &bytes), AE_ERR_RANGE);
    assert_int_equal(bytes, 1);
    assert_same(b, untouched);
    assert_int_equal(ae_model_save_memory(m, NULL, 1, &bytes), AE_ERR_INVALID);
    ae_model_free(m);
    free(b.bytes);
    free(untouched.bytes);
}

static void wrong_arguments_give_null(void **state)
{
    (void)state;
    ae_model *m = (ae_model *)&m;
    assert_int_equal(ae_model_load_memory(NULL, "", 0), AE_ERR_INVALID);
    assert_int_equal(ae_model_load_memory(&m, NULL, 5), AE_ERR_INVALID);
    assert_null(m);
    m = (ae_model *)&m;
    assert_int_equal(ae_model_load(&m, NULL), AE_ERR_INVALID);
    assert_null(m);
    assert_int_equal(ae_model_save(NULL, "x"), AE_ERR_INVALID);
    assert_int_equal(ae_model_save_memory(NULL, NULL, 0, NULL), AE_ERR_INVALID);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    blob b = small_file();
    int32_t status = AE_ERR_NOMEM;
    for (int n = 1; status != AE_OK; n++) {
        heap used = {.watched = true, .fails_at = n};
        ae_allocator mem = allocator_of(&used);
        ae_model *m = (ae_model *)&used;
        status = ae_model_load_memory_with(&m, b.bytes, b.count, &mem);
        assert_int_equal(status, used.calls < n ? AE_OK : AE_ERR_NOMEM);
        assert_true((status == AE_OK) == (m != NULL));
        ae_model_free(m);
        assert_int_equal(used.live, 0);
        assert_true(n < 100);
    }
    free(b.bytes);
}

/* ---- damage ---- */

static void every_truncation_is_refused(void **state)
{
    (void)state;
    blob b = small_file();
    for (size_t n = 0; n < b.count; n++)
        assert_refused(blob_of(b.bytes, n), AE_ERR_FORMAT, n < 8 ? "no .aem file" : "ends within");
    free(b.bytes);
}

static void every_value_of_every_byte_is_refused(void **state)
{
    (void)state;
    blob b = small_file();
    for (size_t i = 0; i < b.count; i++) {
        for (unsigned mask = 1; mask < 256; mask++) {
            b.bytes[i] ^= (uint8_t)mask;
            assert_int_equal(try_load(b), AE_ERR_FORMAT);
            b.bytes[i] ^= (uint8_t)mask;
        }
    }
    free(b.bytes);
}

static void bytes_after_the_end_are_refused(void **state)
{
    (void)state;
    blob b = small_file();
    blob more = forge_splice(blob_of(b.bytes, b.count), b.count, 0, "", 1);
    blob twice = forge_splice(blob_of(b.bytes, b.count), b.count, 0, b.bytes, b.count);
    assert_refused(more, AE_ERR_FORMAT, "goes on after its end");
    assert_refused(twice, AE_ERR_FORMAT, "goes on after its end");
    assert_refused(forge_insert(b, b.count, "DONE", NULL, 0), AE_ERR_FORMAT, "goes on after");
}

/* ---- versions and chunks ---- */

static blob of_version(uint32_t major, uint32_t minor)
{
    blob b = small_file();
    forge_put(b.bytes + 8, 4, major);
    forge_put(b.bytes + 12, 4, minor);
    forge_seal(b.bytes, b.count);
    return b;
}

static void major_versions_are_told_apart(void **state)
{
    (void)state;
    assert_refused(of_version(0, 0), AE_ERR_FORMAT, "format 0, wanted 1");
    assert_refused(of_version(2, 0), AE_ERR_VERSION, "format 2, wanted 1");
    assert_refused(of_version(UINT32_MAX, 0), AE_ERR_VERSION, "format 4294967295, wanted 1");
}

static void any_minor_version_loads(void **state)
{
    (void)state;
    const uint32_t minors[] = {0, 1, UINT32_MAX};
    for (int i = 0; i < 3; i++) {
        blob b = of_version(1, minors[i]);
        ok(try_load(b));
        free(b.bytes);
    }
}

static const char *const tags[] = {"MODL", "LAYR", "TERM", "OPTM", "WGHT", "trnd", "stat", "DONE"};
enum { TAGS = sizeof tags / sizeof *tags };

static void unknown_chunks_are_skipped_or_refused_anywhere(void **state)
{
    (void)state;
    for (int i = 0; i < TAGS; i++) {
        blob b = small_file(), skipped = small_file();
        size_t at = forge_find(b, tags[i]);
        assert_refused(forge_insert(b, at, "Newc", "x", 1), AE_ERR_VERSION, "chunk Newc");
        skipped = forge_insert(skipped, at, "news", NULL, 0);
        skipped = forge_insert(skipped, at, "news", "seen twice", 10);
        ok(try_load(skipped));
        free(skipped.bytes);
    }
}

static void tags_are_four_letters(void **state)
{
    (void)state;
    const char *const bad[] = {"\0\0\0\0", "ab c", "a1bc", "\x1b[2J", "abc\xff", "@abc", "[abc"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_refused(forge_insert(small_file(), HEADER, bad[i], NULL, 0), AE_ERR_FORMAT,
                       "tag is not four letters");
}

static void every_capital_chunk_must_be_there(void **state)
{
    (void)state;
    for (int i = 0; i < TAGS - 1; i++) {
        bool capital = tags[i][0] < 'a';
        assert_refused(forge_remove(small_file(), tags[i]), AE_ERR_FORMAT,
                       capital ? "is missing" : "one of chunks trnd and stat");
    }
    assert_refused(forge_remove(small_file(), "DONE"), AE_ERR_FORMAT, "ends within a chunk");
    blob b = forge_remove(forge_remove(small_file(), "trnd"), "stat");
    ok(try_load(b));
    free(b.bytes);
}

static void every_chunk_comes_once_and_in_order(void **state)
{
    (void)state;
    for (int i = 0; i < TAGS - 1; i++) {
        blob b = small_file();
        size_t at = forge_find(b, tags[i]), n = forge_chunk(b.bytes, b.count, at);
        blob chunk = blob_of(b.bytes + at, n);
        b = forge_splice(b, at, 0, chunk.bytes, n);
        assert_refused(b, AE_ERR_FORMAT, "out of order, or there twice");
        b = forge_remove(small_file(), tags[i]);
        b = forge_splice(b, forge_find(b, tags[i + 1]) + forge_chunk(b.bytes, b.count, at), 0,
                         chunk.bytes, n);
        assert_int_equal(try_load(b), AE_ERR_FORMAT);
        free(chunk.bytes);
        free(b.bytes);
    }
}

static void payloads_are_neither_longer_nor_shorter(void **state)
{
    (void)state;
    for (int i = 0; i < TAGS; i++) {
        blob b = small_file();
        size_t at = forge_find(b, tags[i]);
        uint64_t length = forge_get(b.bytes + at + 4, 8);
        forge_put(b.bytes + at + 4, 8, length + 1);
        b = forge_splice(b, at + 12 + (size_t)length, 0, "", 1);
        forge_seal(b.bytes, b.count);
        assert_int_equal(try_load(b), AE_ERR_FORMAT);
        free(b.bytes);
        if (length == 0) continue;
        b = small_file();
        forge_put(b.bytes + at + 4, 8, length - 1);
        b = forge_splice(b, at + 12 + (size_t)length - 1, 1, NULL, 0);
        forge_seal(b.bytes, b.count);
        assert_int_equal(try_load(b), AE_ERR_FORMAT);
        free(b.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loading_a_saved_model_gives_the_same_file),
        cmocka_unit_test(loaded_model_computes_the_same_bits),
        cmocka_unit_test(five_epochs_a_file_and_five_more_are_ten),
        cmocka_unit_test(half_an_epoch_is_kept),
        cmocka_unit_test(history_comes_back_with_its_nans),
        cmocka_unit_test(stripped_model_has_no_optional_chunk),
        cmocka_unit_test(buffer_too_small_is_left_alone),
        cmocka_unit_test(wrong_arguments_give_null),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_value_of_every_byte_is_refused),
        cmocka_unit_test(bytes_after_the_end_are_refused),
        cmocka_unit_test(major_versions_are_told_apart),
        cmocka_unit_test(any_minor_version_loads),
        cmocka_unit_test(unknown_chunks_are_skipped_or_refused_anywhere),
        cmocka_unit_test(tags_are_four_letters),
        cmocka_unit_test(every_capital_chunk_must_be_there),
        cmocka_unit_test(every_chunk_comes_once_and_in_order),
        cmocka_unit_test(payloads_are_neither_longer_nor_shorter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
