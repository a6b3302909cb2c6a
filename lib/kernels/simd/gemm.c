/* One thread's block of a product. B goes panel by panel (nr columns, one block of k), so that the
 * panel stays in the first cache while the rows of A pass by in strips of mr; a strip and a panel
 * meet in a tile of mr x nr sums that live in registers. A and B stay where they are: only a
 * transposed B is copied, one panel at a time. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

#include "base/size.h"

/* c (rows x cols) = or += a (rows x k) b (k x cols) */
typedef struct tile {
    size_t k;
    const real *a;
    size_t a_row, a_col;
    const real *b;
    size_t b_row;
    const real *next; /* a column of the panel that follows, to be fetched meanwhile */
    real *c;
    size_t c_row;
    size_t tail; /* columns of the last vector */
    bool add;
} tile;

enum { FEW_ROWS = 4 }; /* most rows for which a transposed B is not packed */

/* Vector v of a row, of which only the first `tail` lanes are there if it is partial. */
static inline vec load(const real *row, size_t v, size_t tail, bool partial)
{
    const real *p = row + v * AE__LANES;
    return partial ? v_load_n(p, tail) : v_load(p);
}

static inline void store(real *row, size_t v, vec a, size_t tail, bool partial)
{
    real *p = row + v * AE__LANES;
    if (partial)
        v_store_n(p, a, tail);
    else
        v_store(p, a);
}

/* rows, vecs and partial are constants wherever this is called. */
static inline __attribute__((always_inline)) void run_tile(const tile *t, const size_t rows,
                                                           const size_t vecs, const bool partial)
{
    const real *a = t->a, *b = t->b, *next = t->next;
    const size_t a_row = t->a_row, a_col = t->a_col, b_row = t->b_row;
    const size_t c_row = t->c_row, tail = t->tail;
    vec sum[AE__MR][2 * AE__VECS];
    AE__UNROLL for (size_t r = 0; r < rows; r++)
        AE__UNROLL for (size_t v = 0; v < vecs; v++) sum[r][v] = v_zero();

    for (size_t p = t->k; p > 0; p--, a += a_col, b += b_row, next += b_row) {
        __builtin_prefetch(next, 0, 2); /* into the second cache: the first is full */
        const real *x = a;
        vec y[2 * AE__VECS];
        AE__UNROLL for (size_t v = 0; v < vecs; v++)
            y[v] = load(b, v, tail, partial && v + 1 == vecs);
        AE__UNROLL for (size_t r = 0; r < rows; r++, x += a_row) {
            vec broadcast = v_set1(*x);
            AE__UNROLL for (size_t v = 0; v < vecs; v++)
                sum[r][v] = v_fma(broadcast, y[v], sum[r][v]);
        }
    }

    if (t->add) {
        const real *c = t->c;
        AE__UNROLL for (size_t r = 0; r < rows; r++, c += c_row)
            AE__UNROLL for (size_t v = 0; v < vecs; v++)
                sum[r][v] = v_add(load(c, v, tail, partial && v + 1 == vecs), sum[r][v]);
    }
    real *c = t->c;
    AE__UNROLL for (size_t r = 0; r < rows; r++, c += c_row)
        AE__UNROLL for (size_t v = 0; v < vecs; v++)
            store(c, v, sum[r][v], tail, partial && v + 1 == vecs);
}

enum { WHOLE, ONE, TWO, KINDS }; /* both vectors whole; one or two, the last perhaps partial */

typedef struct tile_shape {
    size_t rows;
    void (*run[KINDS])(const tile *t);
} tile_shape;

#ifdef AE_SMALL /* the same sums: fewer tiles, and a single row is one of them */
#define TILE_ROWS(X) X(4) X(1)
enum { ROW_APART = 0, FEW_APART = 0 };
#else
#define TILE_ROWS AE__TILE_ROWS
enum { ROW_APART = 1, FEW_APART = AE_SIMD_LEVEL > 1 };
#endif

#define TILES(rows)                                                                                \
    static void whole_##rows(const tile *t) { run_tile(t, rows, 2, false); }                       \
    static void one_##rows(const tile *t) { run_tile(t, rows, 1, true); }                          \
    static void two_##rows(const tile *t) { run_tile(t, rows, 2, true); }
TILE_ROWS(TILES)

/* Two rows of two panels side by side: those of one alone would wait for each other. */
static void pair_of_rows(const tile *t) { run_tile(t, 2, 2 * AE__VECS, false); }

#define SHAPE(rows) {rows, {whole_##rows, one_##rows, two_##rows}},
static const tile_shape shapes[] = {TILE_ROWS(SHAPE)}; /* from most rows to 1 */

/* From the tile in the first rows on; moves it. */
static void run_panel(tile *t, size_t rows, size_t cols)
{
    const int kind = cols == AE__NR ? WHOLE : cols <= AE__LANES ? ONE : TWO;
    const tile_shape *shape = shapes;
    const real *next = t->next;
    size_t fetch = 0; /* each tile fetches the next cache line of every row of the next panel */
    t->tail = cols <= AE__LANES ? cols : cols - AE__LANES;
    while (rows > 0) {
        if (rows < shape->rows) {
            shape++;
            continue;
        }
        t->next = next + fetch % AE__NR;
        shape->run[kind](t);
        fetch += 64 / sizeof(real);
        t->a += shape->rows * t->a_row;
        t->c += shape->rows * t->c_row;
        rows -= shape->rows;
    }
}

/* Rows of B out of a transposed one: 4 terms of a vector of columns, which lie b_col apart. */
static inline void turn(vec q[4], const real *b, size_t b_col)
{
    AE__UNROLL for (size_t i = 0; i < 4; i++) q[i] = v_quads(b + i * b_col, 4 * b_col);
    v_transpose4(q);
}

/* dst: k x nr, from a transposed B: each column's terms one after the other. */
static void pack_columns(real *dst, const real *b, size_t b_col, size_t k, size_t cols)
{
    size_t whole_k = k / 4 * 4, whole_cols = cols / AE__LANES * AE__LANES;
    for (size_t j = 0; j < whole_cols; j += AE__LANES)
        for (size_t p = 0; p < whole_k; p += 4) {
            vec q[4];
            turn(q, b + j * b_col + p, b_col);
            AE__UNROLL for (size_t i = 0; i < 4; i++) v_store(dst + (p + i) * AE__NR + j, q[i]);
        }
    for (size_t j = 0; j < cols; j++)
        for (size_t p = j < whole_cols ? whole_k : 0; p < k; p++)
            dst[p * AE__NR + j] = b[j * b_col + p];
}

/* A single term of a whole panel of a transposed B. */
static __attribute__((noinline)) void pick(real *y, const real *b, size_t b_col)
{
    for (size_t j = 0; j < AE__NR; j++) y[j] = b[j * b_col];
}

/* A whole panel of a transposed B, a_col = 1, for so few rows that packing does not pay. rows is a
 * constant wherever this is called. */
static inline __attribute__((always_inline)) void run_turned(const tile *t, size_t b_col,
                                                             const size_t rows)
{
    const real *a = t->a;
    const size_t a_row = t->a_row, c_row = t->c_row;
    const bool add = t->add;
    vec sum[FEW_ROWS][AE__VECS];
    AE__UNROLL for (size_t r = 0; r < rows; r++)
        AE__UNROLL for (size_t v = 0; v < AE__VECS; v++) sum[r][v] = v_zero();

    const size_t whole_k = t->k / 4 * 4;
    for (size_t p = 0; p < whole_k; p += 4, a += 4) {
        vec q[AE__VECS][4];
        AE__UNROLL for (size_t v = 0; v < AE__VECS; v++)
            turn(q[v], t->b + v * AE__LANES * b_col + p, b_col);
        AE__UNROLL for (size_t i = 0; i < 4; i++)
            AE__UNROLL for (size_t r = 0; r < rows; r++) {
                const vec x = v_set1(a[r * a_row + i]);
                AE__UNROLL for (size_t v = 0; v < AE__VECS; v++)
                    sum[r][v] = v_fma(x, q[v][i], sum[r][v]);
            }
    }
    for (size_t p = whole_k; p < t->k; p++, a++) {
        _Alignas(64) real y[AE__NR];
        pick(y, t->b + p, b_col);
        AE__UNROLL for (size_t r = 0; r < rows; r++)
            AE__UNROLL for (size_t v = 0; v < AE__VECS; v++)
                sum[r][v] = v_fma(v_set1(a[r * a_row]), v_load(y + v * AE__LANES), sum[r][v]);
    }

    real *c = t->c;
    AE__UNROLL for (size_t r = 0; r < rows; r++, c += c_row)
        AE__UNROLL for (size_t v = 0; v < AE__VECS; v++) {
            if (add) sum[r][v] = v_add(v_load(c + v * AE__LANES), sum[r][v]);
            v_store(c + v * AE__LANES, sum[r][v]);
        }
}

static void turned_4(const tile *t, size_t b_col) { run_turned(t, b_col, 4); }
static void turned_2(const tile *t, size_t b_col) { run_turned(t, b_col, 2); }
static void turned_1(const tile *t, size_t b_col) { run_turned(t, b_col, 1); }

static void run_few(tile *t, size_t b_col, size_t rows)
{
    for (size_t taken; rows > 0; rows -= taken) {
        taken = rows >= 4 ? 4 : rows >= 2 ? 2 : 1;
        (taken == 4 ? turned_4 : taken == 2 ? turned_2 : turned_1)(t, b_col);
        t->a += taken * t->a_row;
        t->c += taken * t->c_row;
    }
}

void AE__SIMD(gemm)(const ae__gemm_block *g)
{
    if (ROW_APART && g->m == 1 && g->b_col == 1) {
        AE__SIMD(gemm_row)(g);
        return;
    }
    _Alignas(64) real panel[AE__K_BLOCK * AE__NR];
    const bool transposed = g->b_col != 1;
    const bool few = FEW_APART && g->m <= FEW_ROWS;
    const size_t step = ae__k_step(g->k);
    size_t p = 0;
    do {
        tile t = {.k = ae__min_size(step, g->k - p),
                  .a_row = g->a_row,
                  .a_col = g->a_col,
                  .b_row = transposed ? AE__NR : g->b_row,
                  .c_row = g->c_row,
                  .add = g->accumulate || p > 0};
        for (size_t j = 0, cols; j < g->n; j += cols) {
            const real *b = g->b + p * g->b_row + j * g->b_col;
            const size_t left = g->n - j;
            cols = ae__min_size(AE__NR, left);
            t.a = g->a + p * g->a_col;
            t.b = t.next = b;
            t.c = g->c + j;
            if (few && transposed && g->a_col == 1 && cols == AE__NR) {
                run_few(&t, g->b_col, g->m);
            } else if (few && !transposed && g->m == 2 && left >= 2 * AE__NR) {
                cols = 2 * AE__NR;
                pair_of_rows(&t);
            } else if (transposed) {
                pack_columns(panel, b, g->b_col, t.k, cols);
                t.b = t.next = panel;
                run_panel(&t, g->m, cols);
            } else {
                if (left > AE__NR) t.next += AE__NR;
                run_panel(&t, g->m, cols);
            }
        }
        p += step;
    } while (p < g->k);
}
