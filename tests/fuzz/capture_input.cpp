#include "tests/fuzz/capture_input.h"

#include "wire/capture_format.h"

namespace archleak::wire::test {
namespace {

constexpr size_t kFields = 5;

}  // namespace

std::string sealed_blocks(std::string_view input) {
  std::string file = capture_file_header();
  while (input.size() >= kFields) {
    const auto field = [&input](size_t i) { return static_cast<uint8_t>(input[i]); };
    BlockHeader header{.type = static_cast<BlockType>(field(0)),
                       .direction = static_cast<Direction>(field(1)),
                       .connection = field(2),
                       .offset = field(3)};
    const std::string_view content = input.substr(kFields, field(4));
    seal(header, content);
    file.append(reinterpret_cast<const char*>(&header), kBlockHeaderBytes).append(content);
    input.remove_prefix(kFields + content.size());
  }
  return file;
}

}  // namespace archleak::wire::test
