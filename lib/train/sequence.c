/* Positions, windows, slots and rows. All four orders are one: FULL permutes blocks of a single row,
 * NONE permutes nothing. */
#include "train/sequence.h"

#include "ae/ae.h"

static const struct {
    bool single, permutes_blocks, permutes_rows;
} modes[] = {[AE_SHUFFLE_NONE] = {false, false, false},
             [AE_SHUFFLE_FULL] = {true, true, false},
             [AE_SHUFFLE_BLOCK] = {false, true, true},
             [AE_SHUFFLE_WINDOW] = {false, false, true}};

void ae__sequence_set(ae__sequence *s, const ae__spec *model, uint64_t rows, uint64_t epoch,
                      const ae__kernels *kernels)
{
    const int64_t mode = ae__spec_i64(model, AE_PARAM_SHUFFLE);
    const uint64_t block = (uint64_t)ae__spec_i64(model, AE_PARAM_SHUFFLE_BLOCK);
    const uint64_t window = (uint64_t)ae__spec_i64(model, AE_PARAM_SHUFFLE_WINDOW);
    *s = (ae__sequence){.rows = rows,
                        .block = modes[mode].single ? 1 : block,
                        .window = modes[mode].single ? block * window : window,
                        .permutes_blocks = modes[mode].permutes_blocks,
                        .permutes_rows = modes[mode].permutes_rows,
                        .kernels = kernels,
                        .draw = {.seed = (uint64_t)ae__spec_i64(model, AE_PARAM_SEED),
                                 .purpose = AE__DRAW_ORDER,
                                 .epoch = (uint32_t)epoch}};
    s->n_blocks = (rows + s->block - 1) / s->block;
    s->missing = s->n_blocks * s->block - rows;
    s->last_at = s->n_blocks - 1;
    if (!s->permutes_blocks) return;
    ae__order_set(&s->blocks, s->n_blocks, &s->draw);
    s->last_at = ae__order_place(&s->blocks, s->n_blocks - 1);
}

uint64_t ae__sequence_window(const ae__sequence *s)
{
    return s->window < s->n_blocks ? s->window * s->block : s->rows;
}

/* The position at which a window begins; that of the one after the last is the end. */
static uint64_t first_of(const ae__sequence *s, uint64_t number)
{
    uint64_t blocks = number * s->window;
    if (blocks >= s->n_blocks) return s->rows;
    return blocks * s->block - (blocks > s->last_at ? s->missing : 0);
}

void ae__sequence_stretch(const ae__sequence *s, uint64_t position, ae__stretch *out)
{
    ae__draw draw = s->draw;
    uint64_t number = position / (s->window * s->block);
    number += position >= first_of(s, number + 1); /* what is missing lies before it */
    out->number = number;
    out->first = first_of(s, number);
    out->rows = first_of(s, number + 1) - out->first;
    if (!s->permutes_rows) return;
    draw.sample = 1;
    draw.row = number;
    ae__order_set(&out->order, out->rows, &draw);
}

void ae__sequence_slots(const ae__sequence *s, const ae__stretch *stretch, uint64_t position,
                        size_t count, uint64_t *slots)
{
    for (size_t i = 0; i < count; i++) slots[i] = position + i - stretch->first;
    if (s->permutes_rows) s->kernels->permute(&stretch->order, slots, count);
}

/* The place of a slot in the order of the blocks, as if every block were full. */
static uint64_t place_of(const ae__sequence *s, const ae__stretch *stretch, uint64_t slot)
{
    const uint64_t first = stretch->number * s->window, end = (s->last_at + 1) * s->block;
    const uint64_t at = first * s->block + slot;
    return at + (first <= s->last_at && at >= end - s->missing ? s->missing : 0);
}

void ae__sequence_rows(const ae__sequence *s, const ae__stretch *stretch, const uint64_t *slots,
                       size_t count, uint64_t *rows)
{
    for (size_t i = 0; i < count; i++) rows[i] = place_of(s, stretch, slots[i]) / s->block;
    if (s->permutes_blocks) s->kernels->permute(&s->blocks, rows, count);
    for (size_t i = 0; i < count; i++)
        rows[i] = rows[i] * s->block + place_of(s, stretch, slots[i]) % s->block;
}
