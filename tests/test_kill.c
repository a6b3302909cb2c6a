/* A program that trains and saves without end, of every kind of model, killed at any moment: its file is always
 * one that loads, and it ends with the bytes of the one that was left in peace. AE_KILLS=200 in the environment
 * kills more often. */
#include "folder.h"
#include "kinds.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum { N = 20, EPOCHS = 20 };

static float x[N * KIND_DIM];
static char path[300];

static int set_up(void **state)
{
    draw_state = 5;
    draw_units(x, N * KIND_DIM);
    if (make_folder(state) != 0) return -1;
    snprintf(path, sizeof path, "%s/model.aem", folder);
    return 0;
}

static void fit_saving(ae_model *model, const char *checkpoint)
{
    ae_fit_options *options = options_to(EPOCHS);
    must(ae_fit_options_set_i64(options, AE_FIT_PATIENCE, EPOCHS));
    must(ae_fit_options_checkpoint(options, checkpoint, 0, 1, 0));
    must(ae_fit(model, x, NULL, N, options));
    ae_fit_options_free(options);
}

/* What a program does: goes on from its checkpoint, or begins. */
static ae_model *run_program(const kind *k)
{
    ae_model *model;
    if (access(path, F_OK) == 0)
        must(ae_model_load(&model, path));
    else
        model = kind_model(k, NULL);
    fit_saving(model, path);
    return model;
}

/* Runs the program and kills it after so many microseconds; whether it was alive until then. */
static bool run_and_kill(const kind *k, long microseconds)
{
    const struct timespec delay = {.tv_nsec = microseconds * 1000};
    int status;
    pid_t child = fork();
    if (child == 0) {
        run_program(k);
        _exit(0);
    }
    nanosleep(&delay, NULL);
    kill(child, SIGKILL);
    assert_true(waitpid(child, &status, 0) == child);
    assert_true(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    return WIFSIGNALED(status);
}

/* Kills it so often, the earlier the faster it is; how many of its files were loaded. */
static int kill_often(const kind *k, int kills, image want)
{
    int killed = 0, loads = 0;
    long longest = 40000;
    while (killed < kills) {
        bool alive = run_and_kill(k, (long)(draw_bits() % (uint64_t)longest));
        killed += alive;
        if (!alive && longest > 1000) longest /= 2;
        if (access(path, F_OK) == 0) {
            ae_model *model;
            must(ae_model_load(&model, path));
            loads++;
            if (!alive && !has_image(model, want)) fail_msg("%s: after %d kills", k->name, killed);
            ae_model_free(model);
        }
        if (!alive) remove(path);
    }
    return loads;
}

/* The moments are drawn, and what they hit is chance; what must hold at all of them is not. */
static void killed_at_any_moment_it_goes_on_to_the_same_bytes(void **state)
{
    const char *wanted = getenv("AE_KILLS");
    const int kills = wanted ? atoi(wanted) : 48;
    int loads = 0;
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        const kind *k = &kinds[i];
        ae_model *model = kind_model(k, NULL);
        fit_saving(model, NULL);
        image want = image_of(model);
        ae_model_free(model);
        loads += kill_often(k, (kills + KINDS - 1 - i) / KINDS, want);
        model = run_program(k);
        if (!has_image(model, want)) fail_msg("%s: at the end", k->name);
        ae_model_free(model);
        free(want.bytes);
        remove(path);
    }
    assert_true(loads > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_at_any_moment_it_goes_on_to_the_same_bytes, set_up,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
