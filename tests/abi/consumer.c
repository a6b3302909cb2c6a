/* A host program, in the common part of C99 and C++: it is built against an installed libae. */
#include <ae/ae.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 4, INPUTS = 6, CODE = 2 };

static int complain(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, ae_last_error());
    return 1;
}

static int32_t describe(ae_config *config)
{
    ae_config_input(config, INPUTS);
    ae_config_dense(config, CODE, AE_ACT_TANH);
    ae_config_code(config);
    ae_config_dense(config, INPUTS, AE_ACT_SIGMOID);
    return ae_config_loss(config, AE_LOSS_BCE);
}

/* Trains where the build can, and expects the refusal where it cannot. */
static int train(ae_model *model, const float *x)
{
    const int trains = strstr(ae_build_text(), "without training") == NULL;
    const int32_t status = ae_fit(model, x, NULL, ROWS, NULL);
    return status == (trains ? AE_OK : AE_ERR_UNSUPPORTED) ? 0 : complain("fit");
}

int main(void)
{
    float x[ROWS * INPUTS], code[ROWS * CODE], out[ROWS * INPUTS], again[ROWS * INPUTS];
    unsigned char file[8192];
    size_t bytes = 0;
    ae_config *config = NULL;
    ae_model *model = NULL, *loaded = NULL;

    for (int i = 0; i < ROWS * INPUTS; i++) x[i] = (float)(0.5 + 0.5 * sin(i));
    if (ae_config_create(&config) || describe(config)) return complain("config");
    if (ae_model_create(&model, config)) return complain("create");
    if (train(model, x)) return 1;
    if (ae_encode(model, x, ROWS, code, ROWS * CODE)) return complain("encode");
    if (ae_decode(model, code, ROWS, out, ROWS * INPUTS)) return complain("decode");
    if (ae_model_save_memory(model, file, sizeof file, &bytes)) return complain("save");
    if (ae_model_load_memory(&loaded, file, bytes)) return complain("load");
    if (ae_reconstruct(loaded, x, ROWS, again, ROWS * INPUTS)) return complain("reconstruct");
    if (memcmp(out, again, sizeof out) != 0) return complain("the loaded model differs");
    ae_model_free(loaded);
    ae_model_free(model);
    ae_config_free(config);
    printf("%s: %lu bytes of model\n", ae_build_text(), (unsigned long)bytes);
    return 0;
}
