/* encode MODEL: loads a model, encodes one row and prints the code; then the microseconds that this took,
 * and the most memory that the process had, in KiB, as Linux tells it. */
#include <ae/ae.h>

#include <stdio.h>
#include <time.h>

enum { MOST = 1024 };

static long long microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static int peak_kib(void)
{
    char line[128];
    int kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    if (!status) return -1;
    while (fgets(line, sizeof line, status) && sscanf(line, "VmHWM: %d", &kib) != 1) continue;
    fclose(status);
    return kib;
}

int main(int argc, char **argv)
{
    ae_model *model = NULL;
    float row[MOST], code[MOST];
    const long long start = microseconds();
    for (int i = 0; i < MOST; i++) row[i] = (float)(i % 16) / 16;
    if (argc != 2 || ae_model_load(&model, argv[1]) || ae_model_input_dim(model) > MOST ||
        ae_encode(model, row, 1, code, MOST)) {
        fprintf(stderr, "encode: %s\n", ae_last_error());
        return 1;
    }
    const long long end = microseconds();
    for (int i = 0; i < ae_model_code_dim(model); i++) printf("%.9g ", (double)code[i]);
    printf("\n%lld %d\n", end - start, peak_kib());
    ae_model_free(model);
    return 0;
}
