/* When checkpoints are due, and writing them. */
#include "train/checkpoint.h"

#include "base/file.h"
#include "base/status.h"
#include "model/file.h"

int32_t ae__checkpoints_begin(ae__checkpoints *c, const ae__checkpoint_rule *rule, double now)
{
    ae__replacement file;
    *c = (ae__checkpoints){.rule = rule, .last = now, .current = true};
    if (!rule->path) return AE_OK;
    AE_TRY(ae__replacement_open(&file, rule->path));
    ae__replacement_close(&file, AE_ERR_CANCELLED); /* leaves no trace */
    return AE_OK;
}

static bool is_multiple(uint64_t count, uint64_t mark)
{
    return mark && count % mark == 0;
}

bool ae__checkpoints_due(ae__checkpoints *c, const ae_model *model, int32_t done, double now)
{
    const ae__checkpoint_rule *rule = c->rule;
    c->current = false;
    if (!rule->path) return false;
    return (done & AE__DONE_EPOCH && is_multiple(model->trained.epochs, rule->epochs)) ||
           (done & AE__DONE_STEP && is_multiple(model->trained.steps, rule->steps)) ||
           (rule->seconds > 0 && now - c->last >= rule->seconds);
}

int32_t ae__checkpoints_save(ae__checkpoints *c, const ae_model *model, double now)
{
    if (!c->rule->path || c->current) return AE_OK;
    AE_TRY(ae__file_replace(model, c->rule->path));
    c->current = true;
    c->last = now;
    return AE_OK;
}
