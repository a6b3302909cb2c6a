/* Rows that a function of the caller's reads: the bits of the same rows in memory, and what a failure
 * leaves. Who calls it when is in test_stream_calls.c. */
#include "test_stream.h"

/* ---- the same bits ---- */

static bool takes_in_order(int64_t mode)
{
    return mode == AE_SHUFFLE_NONE || mode == AE_SHUFFLE_WINDOW;
}

static void check_way(int64_t mode, int64_t batch, int32_t type, int64_t threads, int32_t flags)
{
    ae_model *read = stream_model(mode, batch), *whole = stream_model(mode, batch);
    tape t = tape_of(type, DIM);
    ae_data *source = data_of(type, &t, flags), *array = data_of(type, NULL, 0);
    must(fit_to(read, source, 3, threads));
    must(fit_to(whole, array, 3, threads));
    if (!same_models(read, whole) || t.twice || (flags & AE_SOURCE_IN_ORDER && t.jumped))
        fail_msg("shuffle %d, batch %d, type %d, %d threads, flags %d", (int)mode, (int)batch,
                 (int)type, (int)threads, (int)flags);
    ae_data_free(source);
    ae_data_free(array);
    ae_model_free(read);
    ae_model_free(whole);
}

static void training_has_the_bits_of_training_in_memory(void **state)
{
    static const int64_t batches[] = {10, 24, 64, 300}; /* windows have 24 rows, one has 23 */
    (void)state;
    for (int64_t mode = AE_SHUFFLE_NONE; mode <= AE_SHUFFLE_WINDOW; mode++) {
        for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
            for (int32_t flags = 0; flags < 4; flags++) {
                if (flags & AE_SOURCE_IN_ORDER && !takes_in_order(mode)) continue;
                for (int64_t threads = 1; threads <= 3; threads += 2)
                    check_way(mode, batches[b], types[b], threads, flags);
            }
        }
    }
}

static void orders_differ_from_each_other(void **state)
{
    ae_data *data = data_of(AE_TYPE_F32, NULL, 0);
    ae_model *models[4];
    (void)state;
    for (int64_t mode = 0; mode < 4; mode++) {
        models[mode] = stream_model(mode, 10);
        must(fit_to(models[mode], data, 1, 1));
        for (int64_t i = 0; i < mode; i++) assert_false(same_weights(models[mode], models[i]));
    }
    for (int i = 0; i < 4; i++) ae_model_free(models[i]);
    ae_data_free(data);
}

/* x in memory, targets and sides read, labels as sides. */
static ae_model *labelled_model(void)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    must(ae_config_concat_label(config, 201));
    must(ae_config_dense(config, 2 * CODE_DIM, AE_ACT_LINEAR));
    must(ae_config_gaussian(config));
    must(ae_config_penalty(config, AE_PENALTY_KL, 1));
    must(ae_config_code(config));
    must(ae_config_concat_label(config, 201));
    must(ae_config_dense(config, DIM, AE_ACT_SIGMOID));
    must(ae_config_loss(config, AE_LOSS_BERNOULLI_NLL));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, 20));
    must(ae_config_set_i64(config, AE_PARAM_SHUFFLE, AE_SHUFFLE_BLOCK));
    must(ae_config_set_i64(config, AE_PARAM_SHUFFLE_BLOCK, 5));
    return model_of(config);
}

enum { ROLES = 3 };

/* tapes NULL: all in memory */
static ae_data *labelled_data(tape *tapes)
{
    static const int32_t type_of[ROLES] = {AE_TYPE_F32, AE_TYPE_U8, AE_TYPE_I16};
    static const int64_t dims[ROLES] = {DIM, DIM, 1};
    ae_data *data;
    must(ae_data_create(&data));
    for (int32_t role = AE_DATA_X; role < ROLES; role++) {
        if (tapes) {
            tapes[role] = tape_of(type_of[role], dims[role]);
            must(ae_data_source(data, role, type_of[role], tape_read, &tapes[role], N, dims[role],
                                AE_SOURCE_ANY_THREAD));
        } else {
            must(ae_data_array(data, role, type_of[role], table_of(type_of[role]), N, dims[role]));
        }
        if (role != AE_DATA_SIDE) must(ae_data_scale(data, role, table_scale, 0));
    }
    return data;
}

/* What a model makes of data, in all ways that there are. */
typedef struct made {
    float code[N * CODE_DIM], out[N * DIM], scores[N], mean[N * CODE_DIM], log_v[N * CODE_DIM];
    float samples[N * 2 * CODE_DIM], drawn[N * DIM], decoded[N * DIM];
    double loss, terms[2], likelihood[N], kl[CODE_DIM], variance[CODE_DIM];
} made;

static made *make_all(ae_model *model, const ae_data *data)
{
    made *m = calloc(1, sizeof *m);
    must(ae_encode_data(model, data, m->code, N * CODE_DIM));
    must(ae_reconstruct_data(model, data, m->out, N * DIM));
    must(ae_score_data(model, data, m->scores, N));
    must(ae_evaluate_data(model, data, &m->loss));
    must(ae_evaluate_terms(model, data, m->terms, 2));
    must(ae_posterior_data(model, data, m->mean, m->log_v, N * CODE_DIM));
    must(ae_posterior_sample_data(model, data, 2, 5, m->samples, N * 2 * CODE_DIM));
    must(ae_sample_data(model, data, 5, m->drawn, N * DIM));
    must(ae_log_likelihood_data(model, data, 3, 5, m->likelihood, N));
    must(ae_diagnose_data(model, data, m->kl, m->variance, CODE_DIM));
    return m;
}

static void every_role_may_be_read_and_every_use_has_the_same_bits(void **state)
{
    tape tapes[ROLES];
    ae_data *source = labelled_data(tapes), *array = labelled_data(NULL);
    ae_model *read = labelled_model(), *whole = labelled_model();
    (void)state;
    must(fit_to(read, source, 2, 2));
    must(fit_to(whole, array, 2, 1));
    assert_true(same_models(read, whole));
    made *a = make_all(read, source), *b = make_all(whole, array);
    assert_memory_equal(a, b, sizeof *a);
    free(a);
    free(b);
    ae_data_free(source);
    ae_data_free(array);
    ae_model_free(read);
    ae_model_free(whole);
}

/* Chunks of inference, and what is read at a time, are smaller than these rows. */
static int32_t wide_read(void *user, int64_t first, int64_t rows, void *out)
{
    const int64_t dim = *(const int64_t *)user;
    for (int64_t i = 0; i < rows * dim; i++)
        ((float *)out)[i] = (float)((first * dim + i) % 97) / 97;
    return 0;
}

static void wide_and_long_data_are_read_in_pieces(void **state)
{
    static const int64_t shapes[][2] = {{9, 100000}, {5000, 3}};
    (void)state;
    for (size_t s = 0; s < 2; s++) {
        int64_t rows = shapes[s][0], dim = shapes[s][1], n = rows * dim;
        float *x = malloc((size_t)n * sizeof *x), *a = malloc((size_t)rows * 4),
              *b = malloc((size_t)rows * 4);
        ae_config *config;
        ae_data *data;
        wide_read(&dim, 0, rows, x);
        must(ae_config_create(&config));
        must(ae_config_input(config, dim));
        must(ae_config_dense(config, 1, AE_ACT_TANH));
        must(ae_config_code(config));
        ae_model *model = model_of(config);
        must(ae_data_create(&data));
        must(ae_data_source(data, AE_DATA_X, AE_TYPE_F32, wide_read, &dim, rows, dim, 0));
        must(ae_encode_data(model, data, a, (size_t)rows));
        must(ae_encode(model, x, rows, b, (size_t)rows));
        assert_memory_equal(a, b, (size_t)rows * 4);
        ae_data_free(data);
        ae_model_free(model);
        free(x);
        free(a);
        free(b);
    }
}

static void validation_data_may_be_read(void **state)
{
    tape t = tape_of(AE_TYPE_U8, DIM), v = tape_of(AE_TYPE_I16, DIM);
    ae_data *train[] = {data_of(AE_TYPE_U8, NULL, 0),
                        data_of(AE_TYPE_U8, &t, AE_SOURCE_ANY_THREAD)};
    ae_data *validation[] = {data_of(AE_TYPE_I16, NULL, 0),
                             data_of(AE_TYPE_I16, &v, AE_SOURCE_IN_ORDER)};
    ae_model *models[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        ae_fit_options *options = options_to(3);
        models[i] = stream_model(AE_SHUFFLE_BLOCK, 20);
        must(ae_fit_options_validation_data(options, validation[i]));
        must(ae_fit_data(models[i], train[i], options));
        ae_fit_options_free(options);
    }
    assert_true(same_models(models[0], models[1])); /* the history, too */
    assert_false(v.jumped);
    for (int i = 0; i < 2; i++) {
        ae_data_free(train[i]);
        ae_data_free(validation[i]);
        ae_model_free(models[i]);
    }
}

static void share_of_what_is_read_may_be_held_out(void **state)
{
    ae_data *array = data_of(AE_TYPE_I16, NULL, 0);
    ae_model *want = stream_model(AE_SHUFFLE_WINDOW, 10);
    ae_fit_options *options = options_to(2);
    (void)state;
    must(ae_fit_options_set_f64(options, AE_FIT_SPLIT, 0.25));
    must(ae_fit_data(want, array, options));
    for (int32_t flags = 0; flags < 4; flags++) {
        tape t = tape_of(AE_TYPE_I16, DIM);
        ae_data *data = data_of(AE_TYPE_I16, &t, flags);
        ae_model *model = stream_model(AE_SHUFFLE_WINDOW, 10);
        must(ae_fit_options_set_i64(options, AE_FIT_THREADS, 1 + flags));
        must(ae_fit_data(model, data, options));
        assert_true(same_models(model, want) && !(flags & AE_SOURCE_IN_ORDER && t.jumped));
        ae_data_free(data);
        ae_model_free(model);
    }
    ae_fit_options_free(options);
    ae_data_free(array);
    ae_model_free(want);
}

static void step_is_made_of_rows_that_are_read(void **state)
{
    ae_model *read = stream_model(AE_SHUFFLE_FULL, 10), *whole = stream_model(AE_SHUFFLE_FULL, 10);
    tape t = tape_of(AE_TYPE_F64, DIM);
    ae_data *source = data_of(AE_TYPE_F64, &t, AE_SOURCE_IN_ORDER);
    ae_data *array = data_of(AE_TYPE_F64, NULL, 0);
    double losses[2];
    (void)state;
    for (int i = 0; i < 3; i++) {
        must(ae_fit_batch_data(read, source, &losses[0]));
        must(ae_fit_batch_data(whole, array, &losses[1]));
        assert_true(losses[0] == losses[1]);
    }
    t.fails_at = t.calls + 1;
    assert_int_equal(ae_fit_batch_data(read, source, NULL), AE_ERR_IO);
    assert_true(same_models(read, whole));
    ae_data_free(source);
    ae_data_free(array);
    ae_model_free(read);
    ae_model_free(whole);
}

/* They are the same data, so that an epoch which was left open on the ones goes on with the others. */
static void epoch_begun_in_memory_goes_on_with_what_is_read(void **state)
{
    tape t = tape_of(AE_TYPE_U8, DIM);
    ae_data *array = data_of(AE_TYPE_F32, NULL, 0), *source = data_of(AE_TYPE_U8, &t, 0);
    ae_model *model = stream_model(AE_SHUFFLE_BLOCK, 10),
             *want = stream_model(AE_SHUFFLE_BLOCK, 10);
    ae_fit_options *options = options_to(1);
    interruption i = {.at = 5};
    (void)state;
    must(ae_fit_options_progress(options, interrupt, &i));
    assert_int_equal(ae_fit_data(model, array, options), AE_ERR_CANCELLED);
    must(fit_to(model, source, 1, 1));
    must(fit_to(want, array, 1, 1));
    assert_true(same_models(model, want));
    ae_fit_options_free(options);
    ae_data_free(array);
    ae_data_free(source);
    ae_model_free(model);
    ae_model_free(want);
}

/* ---- failures ---- */

/* Every call of the function fails once, those first that tell the data apart, a row each; the fit goes
 * on from there, to the bits of one that never failed. */
static void failed_read_keeps_the_steps_done_and_can_be_gone_on_from(void **state)
{
    static const int32_t flags[] = {0, AE_SOURCE_ANY_THREAD, AE_SOURCE_IN_ORDER};
    (void)state;
    for (size_t way = 0; way < 3; way++) {
        ae_model *want = stream_model(AE_SHUFFLE_WINDOW, 10);
        ae_data *array = data_of(AE_TYPE_U8, NULL, 0);
        must(fit_to(want, array, 2, 1));
        int32_t status = AE_ERR_IO;
        for (long at = 1; status != AE_OK; at++) {
            ae_model *model = stream_model(AE_SHUFFLE_WINDOW, 10);
            tape t = tape_of(AE_TYPE_U8, DIM);
            t.fails_at = at;
            ae_data *data = data_of(AE_TYPE_U8, &t, flags[way]);
            status = fit_to(model, data, 2, 3);
            if (status != AE_OK) {
                assert_int_equal(status, AE_ERR_IO);
                assert_non_null(
                    strstr(ae_last_error(), "x: the function that reads it answered 77"));
                /* windows of 24 rows, steps of 10: each window that came was used up */
                int64_t windows = at <= N ? 0 : at - 1 - N, rows = windows % 5 * 24;
                assert_int_equal(ae_model_steps(model), windows / 5 * 11 + rows / 10);
                must(fit_to(model, data, 2, 3));
            }
            assert_true(same_models(model, want));
            ae_data_free(data);
            ae_model_free(model);
        }
        ae_data_free(array);
        ae_model_free(want);
    }
}

typedef struct flaw {
    int32_t role, type;
    double value; /* as it stands in the table */
    int32_t fit, score;
    const char *says;
} flaw;

/* Row 57 of a model that has made 2 steps of 20 rows by then. */
static void number_that_cannot_be_is_found_when_it_comes(void **state)
{
    static const flaw flaws[] = {
        {AE_DATA_X, AE_TYPE_F32, NAN, AE_ERR_NONFINITE, AE_OK, "x: row 57, column 0 is nan"},
        {AE_DATA_X, AE_TYPE_F32, 1e39, AE_ERR_NONFINITE, AE_OK, "x: row 57, column 0 is inf"},
        {AE_DATA_Y, AE_TYPE_U8, 201, AE_ERR_RANGE, AE_ERR_RANGE, "y: row 57, column 0 is 1.005"},
        {AE_DATA_SIDE, AE_TYPE_I16, 201, AE_ERR_RANGE, AE_ERR_RANGE,
         "side: row 57 is 201, wanted a class from 0 to 200"},
    };
    float scores[N];
    (void)state;
    for (const flaw *f = flaws; f < flaws + sizeof flaws / sizeof *flaws; f++) {
        tape tapes[ROLES];
        ae_model *model = labelled_model();
        ae_data *data = labelled_data(tapes);
        size_t at = f->role == AE_DATA_SIDE ? 57 : 57 * DIM;
        draw_table(NULL);
        if (f->type == AE_TYPE_F32) table.f32[at] = (float)f->value;
        if (f->type == AE_TYPE_U8) table.u8[at] = (uint8_t)f->value;
        if (f->type == AE_TYPE_I16) table.i16[at] = (int16_t)f->value;
        must(ae_model_set_i64(model, AE_PARAM_SHUFFLE, AE_SHUFFLE_NONE));
        int32_t status = ae_score_data(model, data, scores, N);
        if (status != f->score || (status != AE_OK && !strstr(ae_last_error(), f->says)))
            fail_msg("%s: score, %s", f->says, ae_last_error());
        status = fit_to(model, data, 1, 2);
        if (status != f->fit || !strstr(ae_last_error(), f->says))
            fail_msg("%s: fit, %s", f->says, ae_last_error());
        assert_int_equal(ae_model_steps(model), 2);
        draw_table(NULL);
        assert_int_equal(fit_to(model, data, 1, 2), AE_ERR_STATE); /* other data by now */
        ae_data_free(data);
        ae_model_free(model);
    }
}

static void failed_validation_leaves_the_epoch_to_be_closed(void **state)
{
    tape v = tape_of(AE_TYPE_F32, DIM);
    ae_data *train = data_of(AE_TYPE_F32, NULL, 0), *validation = data_of(AE_TYPE_F32, &v, 0);
    ae_model *model = stream_model(AE_SHUFFLE_FULL, 20), *want = stream_model(AE_SHUFFLE_FULL, 20);
    ae_fit_options *options = options_to(2);
    (void)state;
    must(ae_fit_options_validation_data(options, validation));
    v.fails_at = N + 1; /* after the calls that tell the data apart */
    assert_int_equal(ae_fit_data(model, train, options), AE_ERR_IO);
    assert_non_null(strstr(ae_last_error(), "validation x: the function"));
    assert_int_equal(ae_model_epochs(model), 0);
    assert_int_equal(ae_model_steps(model), 6);
    model = reloaded(model);
    must(ae_fit_data(model, train, options));
    must(ae_fit_data(want, train, options));
    assert_true(same_models(model, want));
    ae_fit_options_free(options);
    ae_data_free(train);
    ae_data_free(validation);
    ae_model_free(model);
    ae_model_free(want);
}

/* ---- what is told ---- */

static void source_is_refused_as_an_array_would_be(void **state)
{
    tape t = tape_of(AE_TYPE_F32, DIM);
    ae_data *data = data_of(AE_TYPE_F32, NULL, 0);
    float code[N * CODE_DIM];
    int64_t rows, dim;
    (void)state;
#define set(type, rows, dim, flags)                                                                \
    ae_data_source(data, AE_DATA_X, type, tape_read, &t, rows, dim, flags)
    assert_int_equal(set(AE_TYPE_I64, N, DIM, 0), AE_ERR_INVALID);
    assert_int_equal(set(AE_TYPE_F32, 0, DIM, 0), AE_ERR_RANGE);
    assert_int_equal(set(AE_TYPE_F32, INT64_C(1) << 40, 1, 0), AE_ERR_RANGE);
    assert_int_equal(set(AE_TYPE_F32, N, (1 << 24) + 1, 0), AE_ERR_RANGE);
    assert_int_equal(set(AE_TYPE_F32, N, DIM, 4), AE_ERR_INVALID);
    assert_int_equal(set(AE_TYPE_F32, N, DIM, AE_SOURCE_UNSET), AE_ERR_INVALID);
#undef set
    must(ae_data_shape(data, AE_DATA_X, &rows, &dim)); /* the array is still there */
    assert_true(rows == N && dim == DIM);
    must(ae_data_source(data, AE_DATA_X, AE_TYPE_F32, tape_read, &t, N - 1, DIM, 0));
    must(ae_data_shape(data, AE_DATA_X, &rows, NULL));
    assert_int_equal(rows, N - 1);
    assert_int_equal(ae_data_stride(data, AE_DATA_X, 64), AE_ERR_STATE);
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, table.f32, N, DIM));
    must(ae_data_stride(data, AE_DATA_X, DIM * 4));
    ae_model *model = stream_model(AE_SHUFFLE_FULL, 10);
    must(ae_encode_data(model, data, code, N * CODE_DIM));
    assert_int_equal(t.calls, 0);
    ae_model_free(model);
    ae_data_free(data);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup(name, draw_table)
    const struct CMUnitTest tests[] = {
        test(training_has_the_bits_of_training_in_memory),
        test(orders_differ_from_each_other),
        test(every_role_may_be_read_and_every_use_has_the_same_bits),
        test(wide_and_long_data_are_read_in_pieces),
        test(validation_data_may_be_read),
        test(share_of_what_is_read_may_be_held_out),
        test(step_is_made_of_rows_that_are_read),
        test(epoch_begun_in_memory_goes_on_with_what_is_read),
        test(failed_read_keeps_the_steps_done_and_can_be_gone_on_from),
        test(number_that_cannot_be_is_found_when_it_comes),
        test(failed_validation_leaves_the_epoch_to_be_closed),
        test(source_is_refused_as_an_array_would_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
