#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/fuzz/split_frames.h"
#include "wire/codec.h"

namespace {

using namespace archleak::wire;

/// Whatever decodes must encode to frames that decode to the same bytes again; whatever does not is a ProtocolError.
/// Anything else ends the program, which is what a fuzzer looks for.
void check(const std::vector<Frame>& frames) {
  Decoded decoded;
  try {
    decoded = decode(frames);
  } catch (const archleak::ProtocolError&) {
    return;
  }
  const std::vector<Frame> again = encode(decoded.message, decoded.epoch, Limits{});
  if (again != frames) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  check(test::split_frames({data, size}));
  return 0;
}
