#include "core/torch_random.h"

#include <ATen/CPUGeneratorImpl.h>

namespace archleak {

at::Generator make_torch_generator(const StreamKey& key) {
  return at::detail::createCPUGenerator(derive_seed(key));
}

}  // namespace archleak
