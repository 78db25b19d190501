#include "cli/system_flags.h"

#include "cli/model_argument.h"

eval_system_options cli_system_options(const cli_system_flags *f) {
    eval_system_options options = {.overrides = NN_OVERRIDES_NONE, .yes = f->yes, .find_model = cli_model_find};
    options.overrides.max_length = f->max_length;
    options.overrides.precision = (nn_precision)f->precision;
    options.overrides.pooling = f->pooling;
    return options;
}
