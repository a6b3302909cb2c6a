/* The command line of the examples: a table of the options that all have, and a program's own. */
#include "common.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_COMMON = 7, HELP_COLUMN = 22, EXIT_USAGE = 2 };

/* What one command line is read against. */
typedef struct parser {
    const char *about;
    option common[N_COMMON];
    const option *own;
} parser;

static parser parser_of(settings *s, const char *about, const option *own)
{
    static const option none = {0};
    const parser p = {
        .about = about,
        .common =
            {
                {"--data", "DIR", "folder with the data", .text = &s->data},
                {"--out", "DIR", "folder for what is written", .text = &s->out},
                {"--epochs", "N", "rounds through the data", .number = &s->epochs, 1, 1000000},
                {"--batch", "N", "rows a step", .number = &s->batch, 1, 1000000},
                {"--seed", "S", "of every random draw", .number = &s->seed, 0, INT64_MAX},
                {"--threads", "T", "threads of a call", .number = &s->threads, 1, 256},
                {"--quiet", NULL, "print the last line only", .flag = &s->quiet},
            },
        .own = own != NULL ? own : &none,
    };
    return p;
}

/* Option number index, those of all programs first; NULL after the last. */
static const option *option_at(const parser *p, size_t index)
{
    if (index < N_COMMON) return &p->common[index];
    return p->own[index - N_COMMON].name != NULL ? &p->own[index - N_COMMON] : NULL;
}

static void print_option(FILE *to, const option *o)
{
    const int used = fprintf(to, "  %s %s", o->name, o->form != NULL ? o->form : "");
    fprintf(to, "%*s%s", used < HELP_COLUMN ? HELP_COLUMN - used : 1, "", o->help);
    if (o->number != NULL) fprintf(to, " (%" PRId64 ")", *o->number);
    if (o->text != NULL && *o->text != NULL) fprintf(to, " (%s)", *o->text);
    fputc('\n', to);
}

static void print_usage(FILE *to, const parser *p)
{
    const option *o;

    fprintf(to, "usage: %s [options]\n%s\n\n", program_name(), p->about);
    for (size_t i = 0; (o = option_at(p, i)) != NULL; i++) print_option(to, o);
    fprintf(to, "  %-*s%s\n", HELP_COLUMN - 2, "--help", "print this");
}

_Noreturn static void refuse(const parser *p, const char *what, const char *which)
{
    fprintf(stderr, "%s: %s: %s\n", program_name(), what, which);
    print_usage(stderr, p);
    exit(EXIT_USAGE);
}

/* Whether word is one of those that form lists between bars: "seed|deep". */
static bool is_choice(const char *form, const char *word)
{
    const size_t length = strlen(word);

    for (const char *at = form; at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        if (strcspn(at, "|") == length && strncmp(at, word, length) == 0) return true;
    }
    return false;
}

static bool set_number(const option *o, const char *value)
{
    char *end;

    errno = 0;
    const long long n = strtoll(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || n < o->minimum || n > o->maximum)
        return false;
    *o->number = n;
    return true;
}

static void set_option(const parser *p, const option *o, const char *value)
{
    char wanted[128];

    if (o->number != NULL && !set_number(o, value)) {
        snprintf(wanted, sizeof wanted, "%s wants a number from %" PRId64 " to %" PRId64, o->name,
                 o->minimum, o->maximum);
        refuse(p, wanted, value);
    }
    if (o->text != NULL && strchr(o->form, '|') != NULL && !is_choice(o->form, value)) {
        snprintf(wanted, sizeof wanted, "%s wants %s", o->name, o->form);
        refuse(p, wanted, value);
    }
    if (o->text != NULL) *o->text = value;
}

static const option *find_option(const parser *p, const char *name)
{
    const option *o;

    if (strcmp(name, "--help") == 0) {
        print_usage(stdout, p);
        exit(EXIT_SUCCESS);
    }
    for (size_t i = 0; (o = option_at(p, i)) != NULL; i++)
        if (strcmp(name, o->name) == 0) return o;
    refuse(p, "unknown option", name);
}

void options_parse(settings *s, const char *about, const option *own, int argc, char **argv)
{
    const parser p = parser_of(s, about, own);

    set_program_name(argc > 0 ? argv[0] : "example");
    for (int i = 1; i < argc; i++) {
        const option *o = find_option(&p, argv[i]);
        if (o->flag != NULL) {
            *o->flag = true;
            continue;
        }
        if (i + 1 == argc) refuse(&p, "option without a value", argv[i]);
        set_option(&p, o, argv[++i]);
    }
}
