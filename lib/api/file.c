/* ae.h: saving to and loading from paths and memory. */
#include <string.h>

#include "api/check.h"
#include "base/file.h"
#include "model/file.h"

int32_t ae_model_save(const ae_model *model, const char *path)
{
    AE__WANT(model);
    AE__WANT(path);
    AE_TRY(ae__check_model(model));
    return ae__file_replace(model, path);
}

/* A sink that copies to a buffer known to be large enough. */
static int32_t copy(void *user, const void *bytes, size_t n)
{
    uint8_t **at = user;
    memcpy(*at, bytes, n);
    *at += n;
    return AE_OK;
}

int32_t ae_model_save_memory(const ae_model *model, void *buffer, size_t cap, size_t *bytes)
{
    ae__writer counter = {0}, writer = {.sink = copy};
    uint8_t *at = buffer;
    AE__WANT(model);
    AE_TRY(ae__check_model(model));
    AE_TRY(ae__file_savable(model));
    ae__file_save(model, &counter);
    if (buffer || cap) {
        AE__WANT(buffer);
        if (cap < counter.count)
            return ae__fail(AE_ERR_RANGE,
                            "ae_model_save_memory: capacity is %zu, wanted %llu bytes", cap,
                            (unsigned long long)counter.count);
        writer.user = &at;
        ae__file_save(model, &writer);
    }
    if (bytes) *bytes = (size_t)counter.count;
    return AE_OK;
}

int32_t ae_model_load_memory_with(ae_model **out, const void *buffer, size_t bytes,
                                  const ae_allocator *allocator)
{
    ae_allocator mem;
    AE__WANT(out);
    *out = NULL;
    AE__WANT(buffer);
    AE_TRY(ae__check_allocator(allocator, &mem));
    return ae__file_load(out, buffer, bytes, &mem);
}

int32_t ae_model_load_with(ae_model **out, const char *path, const ae_allocator *allocator)
{
    ae_allocator mem;
    uint8_t *content;
    size_t bytes;
    AE__WANT(out);
    *out = NULL;
    AE__WANT(path);
    AE_TRY(ae__check_allocator(allocator, &mem));
    AE_TRY(ae__file_read(path, AE__FILE_MAGIC, &mem, &content, &bytes));
    int32_t status = ae__file_load(out, content, bytes, &mem);
    ae__mem_free(&mem, content);
    return status;
}

int32_t ae_model_load(ae_model **out, const char *path)
{
    return ae_model_load_with(out, path, NULL);
}

int32_t ae_model_load_memory(ae_model **out, const void *buffer, size_t bytes)
{
    return ae_model_load_memory_with(out, buffer, bytes, NULL);
}
