/* How a product is cut into tasks. Cuts follow from the shape alone and never touch a sum, so
 * neither they nor the threads that take the tasks change a bit of C. */
#include "kernels/gemm.h"

#include <math.h>

#include "ae/ae.h"
#include "base/size.h"
#include "kernels/cblas.h"

enum {
    TASK_TERMS = 1 << 20, /* multiply-adds that are worth a task: about 10 us */
    B_IN_L2 = 256 * 1024, /* bytes of a B that may pass by again for every few rows */
    C_IN_L1 = 16 * 1024,  /* bytes of C that wait in the first cache for the epilogue */
    MOST_ROWS = 4096,
    FEWEST_ROWS = 16,
    PACK_ROWS = 128, /* rows that repay the packing of a transposed B */
    A_ROWS = 256,    /* rows of A whose block of k stays in the second cache */
    MOST_COLS = 1024,
    FEWEST_COLS = 64,
    DONE_CELLS = 1 << 18, /* most elements of C in a task with `done`, which k says nothing of */
    DONE_LATE = 1 << 15,  /* elements of C that are still in cache when all others are done, too */
    FINISH_CELLS = 1 << 13, /* elements of C in a task that only finishes rows */

    /* Zeros of A are skipped where more than half of the terms of its strips are none
     * (docs/performance.md). */
    SKIP_COLS = 17,       /* least n: a sum of one vector a row waits for itself */
    SKIP_TERMS = 1 << 19, /* least m n k */
    SKIP_TASK_ROWS = 64,
    SKIP_TASK_COLS = 512,
    SAMPLES = 2,       /* strips of rows that are looked at, */
    SAMPLE_TERMS = 4,  /* or terms, where those of neighbouring rows lie side by side: */
    SAMPLE_RUN = 16,   /* numbers in a line of memory, */
    SAMPLE_STEP = 128, /* and from the first of these to the next one's */
};

/* Tasks of `rows` x `cols`; numbered along the columns first, so that neighbours share A. */
typedef struct grid {
    const ae__gemm *g;
    const ae__kernels *kernels;
    size_t rows, cols;
    size_t across;      /* tasks side by side */
    size_t finish_rows; /* of a task that only finishes rows */
    bool skips;         /* zeros of A */
    bool finishes;      /* a task ends with the epilogue, and with `done` where it has whole rows */
    bool waits;         /* for the other products, since `done` may change what they read */
} grid;

/* `size` halved until `unit` terms for each fit a task. */
static size_t task_size(size_t size, size_t least, size_t unit)
{
    while (size > least && size * unit > TASK_TERMS) size /= 2;
    return size;
}

/* Of `width` terms side by side, how many are not 0 in some row of a strip. */
static size_t count_terms(const real *a, size_t a_row, size_t strip, size_t width)
{
    real size[SAMPLE_RUN] = {0};
    size_t count = 0;
    for (size_t i = 0; i < strip; i++, a += a_row)
        for (size_t j = 0; j < width; j++) size[j] += (real)fabs(a[j]);
    for (size_t j = 0; j < SAMPLE_RUN; j++) count += size[j] != 0;
    return count;
}

/* Of the whole strips in `width` rows side by side, how many have this term. */
static size_t count_strips(const real *a, size_t strip, size_t width)
{
    size_t count = 0;
    for (size_t j = 0; j + strip <= width; j += strip) {
        bool any = false;
        for (size_t i = 0; i < strip; i++) any |= a[j + i] != 0;
        count += any;
    }
    return count;
}

/* Looks at some lines of memory, which lie evenly in A, as long as no more than three quarters of what was
 * seen is there: what they tell of the rest decides no number, only how fast the product is. */
static bool is_mostly_zero(const ae__gemm *g, size_t strip)
{
    const bool by_rows = g->a_col == 1;
    const size_t lines = by_rows ? g->m / strip : g->k, length = by_rows ? g->k : g->m;
    const size_t line = by_rows ? strip * g->a_row : g->a_col;
    const size_t next = ae__max_size(lines / (by_rows ? SAMPLES : SAMPLE_TERMS), 1);
    size_t looked = 0, count = 0;
    for (size_t i = 0; i < lines && 4 * count <= 3 * looked; i += next)
        for (size_t run = 0; run < length; run += SAMPLE_STEP) {
            const real *a = g->a + i * line + run;
            const size_t width = ae__min_size(SAMPLE_RUN, length - run);
            count +=
                by_rows ? count_terms(a, g->a_row, strip, width) : count_strips(a, strip, width);
            looked += by_rows ? width : width / strip;
        }
    return 2 * count < looked;
}

static bool skipping_pays(const ae__gemm *g, const ae__kernels *kernels)
{
    return kernels->gemm_skip && g->b_col == 1 && g->n >= SKIP_COLS &&
           g->m * g->n * g->k >= SKIP_TERMS && is_mostly_zero(g, kernels->strip);
}

/* Even blocks of m rows, of at most `cells` elements of n columns where that is more than a row. */
static size_t rows_of(size_t m, size_t n, size_t cells)
{
    return m * n <= cells ? m : ae__even_block(m, ae__max_size(cells / n, 1));
}

/* A small B: tasks of whole rows. A large one: its columns are cut, too, and where a loss or `done`
 * wants whole rows these follow in a second run over C. */
static void cut(grid *t, bool alone)
{
    const ae__gemm *g = t->g;
    t->skips = skipping_pays(g, t->kernels);
    if (t->skips) {
        t->rows = ae__round_up(ae__even_block(g->m, SKIP_TASK_ROWS), AE__MAX_LANES);
        t->cols = ae__round_up(ae__even_block(g->n, SKIP_TASK_COLS), AE__MAX_LANES);
    } else if (g->n * g->k * sizeof(real) <= B_IN_L2) {
        size_t least = g->b_col == 1 ? FEWEST_ROWS : PACK_ROWS;
        t->rows = task_size(MOST_ROWS, least, g->n * g->k);
        t->cols = g->n;
        if (g->done)
            t->rows =
                ae__min_size(t->rows, ae__round_up(rows_of(g->m, g->n, DONE_CELLS), AE__MAX_LANES));
    } else {
        t->rows = ae__even_block(g->m, A_ROWS);
        t->cols = task_size(MOST_COLS, FEWEST_COLS, t->rows * g->k);
    }
    t->across = ae__few_blocks(g->n, t->cols);
    const bool loss = g->epilogue && g->epilogue->loss != AE__ELEMENT_NONE;
    t->finishes = t->across == 1 || !(g->done || loss);
    t->waits = !alone && g->done && t->finishes;
    if (t->waits && g->m * g->n <= DONE_LATE) t->waits = t->finishes = false;
}

/* Makes it that of what begins there in C. */
static void move_epilogue(ae__epilogue *e, size_t row, size_t col)
{
    if (e->bias) e->bias += col;
    if (e->target) e->target += row * e->target_ld + col;
    if (e->element) e->element += row * e->element_ld + col;
    if (e->row_weight) e->row_weight += row;
    if (e->row_value) e->row_value += row;
    if (e->prev) e->prev += row * e->prev_ld + col;
}

static void run_epilogue(const grid *t, size_t row, size_t rows, size_t col, size_t cols)
{
    const ae__gemm *g = t->g;
    const ae__epilogue *e = g->epilogue;
    ae__epilogue moved;
    if (!e) return;
    if (row > 0 || col > 0) { /* most often it is the only one, and stays as it is */
        moved = *e;
        move_epilogue(&moved, row, col);
        e = &moved;
    }
    t->kernels->epilogue(e, g->c + row * g->c_row + col, g->c_row, rows, cols);
}

static void multiply(const grid *t, size_t row, size_t rows, size_t col, size_t cols)
{
    const ae__gemm *g = t->g;
    const ae__gemm_block block = {
        .m = rows,
        .n = cols,
        .k = g->k,
        .a = g->a + row * g->a_row,
        .a_row = g->a_row,
        .a_col = g->a_col,
        .b = g->b + col * g->b_col,
        .b_row = g->b_row,
        .b_col = g->b_col,
        .c = g->c + row * g->c_row + col,
        .c_row = g->c_row,
        .accumulate = g->accumulate,
    };
    (t->skips ? t->kernels->gemm_skip : t->kernels->gemm)(&block);
}

/* Rows to multiply before their epilogue: so few that C is still in the first cache, but all where
 * B would be packed anew each time or nothing follows. */
static size_t strip_rows(const grid *t, size_t rows, size_t cols)
{
    const size_t mr = t->kernels->mr;
    if (t->skips || !t->g->epilogue || t->g->b_col != 1 || t->across > 1) return rows;
    if (rows * cols <= C_IN_L1 / sizeof(real)) return rows;
    return ae__max_size(C_IN_L1 / sizeof(real) / cols / mr * mr, mr);
}

static void run_task(const grid *t, size_t task)
{
    const ae__gemm *g = t->g;
    const size_t down = task < t->across ? 0 : task / t->across;
    const size_t row = down * t->rows, col = (task - down * t->across) * t->cols;
    const size_t rows = ae__min_size(t->rows, g->m - row), cols = ae__min_size(t->cols, g->n - col);
    if (!t->finishes) {
        multiply(t, row, rows, col, cols);
        return;
    }
    const size_t strip = strip_rows(t, rows, cols);
    for (size_t i = 0; i < rows; i += strip) {
        size_t here = ae__min_size(strip, rows - i);
        multiply(t, row + i, here, col, cols);
        run_epilogue(t, row + i, here, col, cols);
    }
    if (g->done && t->across == 1) g->done(g->done_arg, row, rows);
}

/* Of a C that is complete. */
static void finish_task(const grid *t, size_t task)
{
    const size_t row = task * t->finish_rows, rows = ae__min_size(t->finish_rows, t->g->m - row);
    run_epilogue(t, row, rows, 0, t->g->n);
    if (t->g->done) t->g->done(t->g->done_arg, row, rows);
}

/* ---- meetings of the threads ---- */

typedef struct job {
    const grid *grid;
    void (*fn)(const grid *t, size_t task);
    size_t tasks;
} job;

typedef struct meeting {
    job jobs[AE__GEMM_MOST];
    size_t n;
    const ae__beside *beside; /* NULL: nothing */
} meeting;

static void add_product(meeting *m, const grid *t)
{
    m->jobs[m->n++] = (job){t, run_task, ae__few_blocks(t->g->m, t->rows) * t->across};
}

static void add_finish(meeting *m, grid *t)
{
    if (!t->g->epilogue && !t->g->done) return;
    t->finish_rows = rows_of(t->g->m, t->g->n, FINISH_CELLS);
    m->jobs[m->n++] = (job){t, finish_task, ae__few_blocks(t->g->m, t->finish_rows)};
}

static void take_task(void *arg, size_t task, size_t worker)
{
    const meeting *m = arg;
    for (const job *j = m->jobs; j < m->jobs + m->n; j++) {
        if (task < j->tasks) {
            j->fn(j->grid, task);
            return;
        }
        task -= j->tasks;
    }
    m->beside->fn(m->beside->arg, task, worker);
}

static void meet(meeting *m, const ae__engine *engine)
{
    size_t tasks = m->beside ? m->beside->tasks : 0;
    for (size_t i = 0; i < m->n; i++) tasks += m->jobs[i].tasks;
    ae__pool_run(engine->pool, tasks, take_task, m);
}

/* AE_GEMM_AUTO is the built-in product for every shape: docs/performance.md has the figures. */
void ae__gemm_run(const ae__gemm *products, size_t n, const ae__beside *beside,
                  const ae__engine *engine)
{
    grid grids[AE__GEMM_MOST];
    meeting first, second; /* whose jobs are filled in as they are added */
    first.n = second.n = 0;
    first.beside = beside;
    second.beside = NULL;
    for (size_t i = 0; i < n; i++) {
        const ae__gemm *g = &products[i];
        grid *t = &grids[i];
        *t = (grid){.g = g, .kernels = engine->kernels};
        if (g->m == 0 || g->n == 0) {
            continue;
        } else if (engine->gemm == AE_GEMM_CBLAS && ae__cblas_takes(g)) {
            ae__cblas_multiply(g);
        } else {
            cut(t, n == 1);
            add_product(t->waits ? &second : &first, t);
        }
        if (!t->finishes) add_finish(&second, t);
    }
    meet(&first, engine);
    meet(&second, engine);
}
