/* Making, sharing, configuring and freeing models. */
#include "model/model.h"

#include <math.h>

#include "base/cpu.h"
#include "base/rng.h"
#include "base/size.h"
#include "base/status.h"
#include "kernels/cblas.h"

enum {
    STAGE = 1 << 16 /* bytes that a source is asked for at a time, or one row where that is more */
};

static void bind_common(ae_model *model, ae__arena *arena)
{
    const ae__plan *plan = &model->plan;
    model->common = ae__arena_take(arena, 1, sizeof *model->common);
    model->weights = ae__arena_take(arena, plan->weight_reals, sizeof(real));
    model->trained.parts = ae__arena_take(arena, plan->n_parts, sizeof(double));
}

static void bind_scaling(ae_model *model, ae__arena *arena)
{
    const ae__plan *plan = &model->plan;
    const size_t dims[] = {plan->layers[0].in, ae__plan_output(plan)};
    ae__scaler *const scalers[] = {&model->scaling.input, &model->scaling.target};
    for (int32_t own = 0; own < 2; own++)
        ae__scaler_bind(scalers[own], arena, ae__model_scaling_kind(model, own) ? dims[own] : 0);
}

static void bind(ae_model *model, ae__arena *arena)
{
    const ae__plan *plan = &model->plan;
    ae__workspace *work = &model->work;
    size_t chunk = plan->chunk; /* rows come in as input, or as codes */
    size_t input =
        ae__max_size(ae__row_stride(plan->layers[0].in), ae__row_stride(ae__plan_code(plan)));
    size_t output = ae__row_stride(ae__plan_output(plan));
    work->x = ae__arena_take(arena, chunk, input * sizeof(real));
    work->target = ae__arena_take(arena, chunk, output * sizeof(real));
    if (ae__plan_side(plan))
        work->side =
            ae__arena_take(arena, chunk, ae__row_stride(ae__plan_side(plan)) * sizeof(real));
    work->stage.bytes = ae__max_size(ae__max_size(input, output), ae__plan_side(plan));
    work->stage.bytes = ae__max_size(work->stage.bytes * sizeof(double), STAGE);
    work->stage.at = ae__arena_take(arena, work->stage.bytes, 1);
    if (plan->sampler >= 0)
        work->posterior = ae__arena_take(
            arena, chunk, ae__row_stride(plan->layers[plan->sampler].in) * sizeof(real));
    for (int32_t i = 0; i < 2; i++)
        work->between[i] = ae__arena_take(arena, chunk, plan->widest * sizeof(real));
    work->y = ae__arena_take(arena, (size_t)plan->n_layers, sizeof *work->y);
    for (int32_t i = 0; work->y && i < plan->n_layers; i++)
        work->y[i] = i == plan->sampler - 1 ? work->posterior : work->between[plan->layers[i].turn];
    work->weight = ae__arena_take(arena, chunk, sizeof(real));
    work->element = ae__plan_elements(plan, arena, chunk);
    work->values = ae__arena_take(arena, chunk, sizeof(double));
    work->sums = ae__arena_take(arena, chunk, sizeof(double));
    work->parts = ae__arena_take(arena, plan->n_parts, sizeof(double));
    work->samples = ae__arena_take(arena, chunk, sizeof *work->samples);
    bind_scaling(model, arena);
    if (ae__plan_code_drawn(plan))
        work->moments = ae__arena_take(arena, ae__plan_code(plan), 3 * sizeof(double));
}

/* Bytes of the run arena, and of the layers' scratch; SIZE_MAX: overflow. */
static size_t workspace(ae_model *model, size_t scratch_reals)
{
    ae__arena arena = {.bytes = model->block_bytes};
    size_t bytes;
    if (!model->block) bind(model, &arena);
    if (arena.overflow || !ae__add_size(arena.bytes, scratch_reals * sizeof(real), &bytes))
        return SIZE_MAX;
    return bytes;
}

int32_t ae__model_check_memory(const ae_model *model, const char *what, size_t bytes)
{
    const int64_t most = ae__spec_i64(&model->desc.run, AE_PARAM_MEMORY);
    if ((uint64_t)bytes <= (uint64_t)most) return AE_OK;
    return ae__fail(AE_ERR_RANGE, "%s needs %zu bytes beside weights, wanted at most %lld: memory",
                    what, bytes, (long long)most);
}

/* Before there is a workspace its chunk may shrink. */
static int32_t choose_chunk(ae_model *model, const ae__engine *engine)
{
    size_t scratch;
    int32_t status;
    do {
        AE_TRY(ae__plan_scratch(&model->plan, engine, model->plan.chunk, false, &scratch));
        status = ae__model_check_memory(model, "model: its workspace", workspace(model, scratch));
    } while (status != AE_OK && !model->block && ae__plan_shrink(&model->plan));
    return status;
}

/* Measures, allocates and carves. */
static int32_t allocate(ae_model *model, void (*carve)(ae_model *, ae__arena *), void **block,
                        size_t *bytes)
{
    ae__arena arena = {0};
    carve(model, &arena);
    if (arena.overflow) return ae__fail(AE_ERR_RANGE, "model: its memory overflows");
    *block = ae__mem_alloc(&model->mem, arena.bytes);
    if (!*block) return ae__fail(AE_ERR_NOMEM, "model: no memory for %zu bytes", arena.bytes);
    *bytes = arena.bytes;
    arena = (ae__arena){.base = *block, .cap = arena.bytes};
    carve(model, &arena);
    return AE_OK;
}

/* Weights of its own. */
static int32_t begin_common(ae_model *model)
{
    void *block;
    size_t bytes;
    AE_TRY(allocate(model, bind_common, &block, &bytes));
    atomic_init(&model->common->handles, 1);
    return AE_OK;
}

/* Those of another handle, which cannot change meanwhile; as many rows go at a time as there. */
static void join_common(ae_model *model, const ae_model *of)
{
    atomic_fetch_add(&of->common->handles, 1);
    model->is_share = true;
    model->common = of->common;
    model->weights = of->weights;
    model->trained = of->trained;
    model->plan.chunk = of->plan.chunk;
    (void)ae__spec_set(&model->desc.run, "model", AE_PARAM_THREADS,
                       (ae__number){.type = AE_TYPE_I64, .i64 = 1});
}

/* The scaling lies in the workspace, so that AE_PARAM_MEMORY bounds it: a copy of what has been found. */
static void join_scaling(ae_model *model, const ae_model *of)
{
    ae__scaling *to = &model->scaling;
    const ae__scaling *from = &of->scaling;
    if (!from->fitted) return;
    ae__model_scale_by(model, from->own);
    (void)ae__scaler_set(&to->input, from->input.offset, from->input.scale);
    if (from->own) (void)ae__scaler_set(&to->target, from->target.offset, from->target.scale);
}

/* A handle on a model of its own, or on another one's. */
static int32_t create(ae_model **out, const ae__desc *desc, const ae_allocator *mem,
                      const ae_model *of)
{
    ae_model *model = ae__mem_alloc(mem, sizeof *model);
    int32_t status;
    *out = NULL;
    if (!model) return ae__fail(AE_ERR_NOMEM, "model: no memory for its handle");
    model->mem = *mem;
    status = ae__desc_copy(&model->desc, desc, mem);
    if (status == AE_OK) status = ae__plan_create(&model->plan, &model->desc, mem);
    if (status == AE_OK && of) join_common(model, of);
    if (status == AE_OK) status = ae__model_configure(model);
    if (status == AE_OK) status = allocate(model, bind, &model->block, &model->block_bytes);
    if (status == AE_OK && of) join_scaling(model, of);
    if (status == AE_OK && !of) status = begin_common(model);
    if (status == AE_OK)
        *out = model;
    else
        ae__model_free(model);
    return status;
}

int32_t ae__model_create(ae_model **out, const ae__desc *desc, const ae_allocator *mem)
{
    return create(out, desc, mem, NULL);
}

/* ---- handles ---- */

static int32_t being_changed(void)
{
    return ae__fail(AE_ERR_BUSY, "model: is being trained; wait until ae_fit has returned");
}

int32_t ae__model_share(ae_model **out, ae_model *model)
{
    atomic_int *handles = &model->common->handles;
    int n = atomic_load(handles);
    *out = NULL;
    do { /* counts as a handle itself, so that no change begins */
        if (!n) return being_changed();
    } while (!atomic_compare_exchange_weak(handles, &n, n + 1));
    int32_t status = ae__pool_check(model->engine.pool);
    if (status == AE_OK) status = create(out, &model->desc, &model->mem, model);
    atomic_fetch_sub(handles, 1);
    return status;
}

int32_t ae__model_check_claim(const ae_model *model)
{
    return atomic_load(&model->common->handles) ? AE_OK : being_changed();
}

int32_t ae__model_claim(ae_model *model)
{
    int n = 1;
    if (model->is_share)
        return ae__fail(AE_ERR_BUSY, "model: is a share, which can be used, not changed");
    if (atomic_compare_exchange_strong(&model->common->handles, &n, 0)) return AE_OK;
    if (!n) return being_changed();
    return ae__fail(AE_ERR_BUSY, "model: has shares (%d); free them first", n - 1);
}

void ae__model_release(ae_model *model)
{
    atomic_store(&model->common->handles, 1);
}

/* The handle goes; the last one takes with it what they had in common. */
static void leave_common(ae_model *model)
{
    if (atomic_fetch_sub(&model->common->handles, 1) == 1) {
        ae__model_strip(model);
        ae__mem_free(&model->mem, model->common);
    }
}

void ae__model_free(ae_model *model)
{
    ae_allocator mem;
    if (!model) return;
    mem = model->mem;
    ae__pool_free(model->engine.pool);
    if (model->common) leave_common(model);
    ae__mem_free(&mem, model->train_block);
    ae__mem_free(&mem, model->scratch);
    ae__mem_free(&mem, model->block);
    ae__plan_free(&model->plan, &mem);
    ae__desc_free(&model->desc, &mem);
    ae__mem_free(&mem, model);
}

/* Half-width of a uniform, or standard deviation of a normal distribution of first weights. */
static double init_width(const ae__weight_info *info)
{
    double i = (double)info->fan_in, o = (double)info->fan_out;
    switch (info->init) {
    case AE_INIT_GLOROT_UNIFORM: return sqrt(6 / (i + o));
    case AE_INIT_GLOROT_NORMAL: return sqrt(2 / (i + o));
    case AE_INIT_HE_UNIFORM: return sqrt(6 / i);
    case AE_INIT_HE_NORMAL: return sqrt(2 / i);
    case AE_INIT_LECUN_UNIFORM: return sqrt(3 / i);
    case AE_INIT_LECUN_NORMAL: return sqrt(1 / i);
    default: return 0;
    }
}

static bool init_normal(int32_t init)
{
    return init == AE_INIT_GLOROT_NORMAL || init == AE_INIT_HE_NORMAL ||
           init == AE_INIT_LECUN_NORMAL;
}

/* A normal draw cut at 2 standard deviations, by the quantile of u's place between the cuts; the
 * divisor is the standard deviation of the cut distribution, so that the variance is 1. */
static double cut_normal(double u)
{
    const double below = 0.022750131948179207; /* Phi(-2) */
    const double deviation = 0.87962566103423978;
    return ae__normal_quantile(below + u * (1 - 2 * below)) / deviation;
}

static void init_weight(ae_model *model, const ae__weight *weight)
{
    double width = init_width(&weight->info);
    bool normal = init_normal(weight->info.init);
    real *w = model->weights + weight->offset;
    for (size_t j = 0; j < weight->count; j++) w[j] = (real)weight->info.first;
    for (size_t j = 0; width > 0 && j < weight->count; j += 4) {
        ae__draw draw = {.seed = (uint64_t)ae__spec_i64(&model->desc.model, AE_PARAM_SEED),
                         .purpose = AE__DRAW_INIT,
                         .layer = (uint32_t)weight->layer,
                         .sample = (uint32_t)weight->slot,
                         .row = (uint64_t)j >> 32};
        uint32_t bits[4];
        ae__draw_bits(&draw, (uint32_t)j / 4, bits);
        for (size_t i = 0; i < 4 && j + i < weight->count; i++) {
            double u = ae__draw_uniform(bits[i]);
            w[j + i] += (real)(width * (normal ? cut_normal(u) : 2 * u - 1));
        }
    }
}

void ae__model_init(ae_model *model)
{
    for (int32_t i = 0; i < model->plan.n_weights; i++) init_weight(model, &model->plan.weights[i]);
}

/* Workers for so many threads: those that there are, or new ones; NULL for one. */
static int32_t make_pool(const ae_model *model, int32_t threads, ae__pool **pool)
{
    *pool = NULL;
    if (threads == 1) return AE_OK;
    if (threads == ae__pool_threads(model->engine.pool)) {
        *pool = model->engine.pool;
        return AE_OK;
    }
    return ae__pool_create(pool, &model->mem, threads);
}

int32_t ae__model_configure(ae_model *model)
{
    const int32_t cpu = (int32_t)ae__spec_i64(&model->desc.run, AE_PARAM_CPU);
    const int32_t threads = (int32_t)ae__spec_i64(&model->desc.run, AE_PARAM_THREADS);
    ae__engine engine = {.kernels = ae__kernels_at(cpu),
                         .gemm = (int32_t)ae__spec_i64(&model->desc.run, AE_PARAM_GEMM)};
    ae__pool *before = model->engine.pool;
    if (!engine.kernels)
        return ae__fail(AE_ERR_UNSUPPORTED, "cpu: level %d is not there, the best is %d", (int)cpu,
                        (int)ae__cpu_best());
    if (engine.gemm == AE_GEMM_CBLAS && !ae__cblas_is_there())
        return ae__fail(AE_ERR_UNSUPPORTED, "gemm: no CBLAS was built in");
    AE_TRY(make_pool(model, threads, &engine.pool));
    int32_t status = choose_chunk(model, &engine);
    if (status == AE_OK)
        status = ae__model_reserve_scratch(model, &engine, model->plan.chunk, false);
    if (status == AE_OK) model->engine = engine;
    ae__pool *unused = status == AE_OK ? before : engine.pool;
    if (before != engine.pool) ae__pool_free(unused);
    return status;
}

int32_t ae__model_reserve_scratch(ae_model *model, const ae__engine *engine, size_t rows,
                                  bool training)
{
    size_t want;
    AE_TRY(ae__plan_scratch(&model->plan, engine, rows, training, &want));
    if (want <= model->scratch_reals) return AE_OK;
    real *scratch = ae__mem_array(&model->mem, want, sizeof *scratch);
    if (!scratch) return ae__fail(AE_ERR_NOMEM, "model: no memory for %zu reals of scratch", want);
    ae__mem_free(&model->mem, model->scratch);
    model->scratch = scratch;
    model->scratch_reals = want;
    return AE_OK;
}
