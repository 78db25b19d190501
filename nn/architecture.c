/* The registry of architectures: see architecture.h. */
#include "nn/architecture.h"

#include <stdio.h>
#include <string.h>

#define NN_ARCHITECTURE(name) extern const nn_architecture nn_architecture_##name;
#include "nn/architectures.def"
#undef NN_ARCHITECTURE

static const nn_architecture *const architectures[] = {
#define NN_ARCHITECTURE(name) &nn_architecture_##name,
#include "nn/architectures.def"
#undef NN_ARCHITECTURE
};
enum { N_ARCHITECTURES = sizeof architectures / sizeof architectures[0] };

const nn_architecture *nn_architecture_find(const char *name) {
    for (int i = 0; i < N_ARCHITECTURES; i++) {
        if (strcmp(architectures[i]->name, name) == 0) return architectures[i];
    }
    return NULL;
}

const nn_architecture *const *nn_architecture_all(int *n) {
    *n = N_ARCHITECTURES;
    return architectures;
}

/* Configs older than 2020 have no model_type, but "architectures": ["BertForMaskedLM"]. */
static const nn_architecture *find_by_class(const data_json *file) {
    const char *name = data_json_text(data_json_first(data_json_find(file, "architectures")), NULL);
    for (int i = 0; name && i < N_ARCHITECTURES; i++) {
        if (strncmp(name, architectures[i]->family, strlen(architectures[i]->family)) == 0) return architectures[i];
    }
    return NULL;
}

static bool fail_unknown(const data_json *file, const char *type, senc_error *err) {
    char known[256] = "";
    size_t used = 0;
    for (int i = 0; i < N_ARCHITECTURES && used + 40 < sizeof known; i++) {
        used += (size_t)snprintf(known + used, sizeof known - used, "%s\"%s\"", i ? ", " : "", architectures[i]->name);
    }
    if (!type) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: \"model_type\" is missing, expected one of %s",
                         data_json_place(file), known);
    }
    return senc_fail(err, SENC_BAD_INPUT, "%s: \"model_type\": expected one of %s, got \"%.64s\"",
                     data_json_place(file), known, type);
}

bool nn_architecture_read(const data_json *file, const nn_architecture **architecture, nn_encoder_config *out,
                          senc_error *err) {
    const char *type = NULL;
    if (data_json_get_type(file) != DATA_JSON_OBJECT) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected an object, got %s", data_json_place(file),
                         data_json_type_name(data_json_get_type(file)));
    }
    if (!data_json_read_string(file, "model_type", &type, err)) return false;
    *architecture = type ? nn_architecture_find(type) : find_by_class(file);
    if (!*architecture) return fail_unknown(file, type, err);
    return (*architecture)->read_config(file, out, err);
}

bool nn_architecture_read_activation(const data_json *file, const char *key, kern_activation *out, senc_error *err) {
    const char *name = "gelu";
    if (!data_json_read_string(file, key, &name, err)) return false;
    if (strcmp(name, "gelu") == 0) {
        *out = KERN_GELU;
    } else if (strcmp(name, "relu") == 0) {
        *out = KERN_RELU;
    } else {
        return senc_fail(err, SENC_BAD_INPUT, "%s: \"%s\": expected \"gelu\" (exact) or \"relu\", got \"%.64s\"",
                         data_json_place(file), key, name);
    }
    return true;
}
