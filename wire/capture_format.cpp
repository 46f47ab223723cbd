#include "wire/capture_format.h"

#include <spdlog/fmt/fmt.h>
#include <zlib.h>

#include <bit>
#include <cstddef>
#include <cstring>

#include "core/bytes.h"
#include "core/error.h"

namespace archleak::wire {
namespace {

static_assert(std::endian::native == std::endian::little, "headers are copied as little-endian numbers");

std::string_view checked_part(const BlockHeader& header) {
  return {reinterpret_cast<const char*>(&header), offsetof(BlockHeader, header_crc)};
}

}  // namespace

uint32_t crc32(std::string_view bytes) {
  return static_cast<uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void seal(BlockHeader& header, std::string_view content) {
  header.length = static_cast<uint32_t>(content.size());
  header.content_crc = crc32(content);
  header.header_crc = crc32(checked_part(header));
}

BlockHeader parse_header(std::string_view bytes) {
  BlockHeader header;
  std::memcpy(&header, bytes.data(), kBlockHeaderBytes);
  return header;
}

std::string flaw(const BlockHeader& header) {
  if (header.magic != BlockHeader::kMagic) return "expected a block, got other bytes";
  if (header.header_crc != crc32(checked_part(header))) return "expected a block, got one with a damaged header";
  if (header.type < BlockType::segment || header.type > BlockType::end) {
    return fmt::format("expected a block of type 1 to 7, got {}", static_cast<int>(header.type));
  }
  if (header.direction > Direction::down) {
    return fmt::format("expected a direction from 0 to 2, got {}", static_cast<int>(header.direction));
  }
  if (header.length > kMaxBlockBytes) {
    return fmt::format("expected a block of at most {} bytes, got {}", kMaxBlockBytes, header.length);
  }
  return {};
}

std::string capture_file_header() {
  ByteWriter writer;
  writer.raw(kCaptureMagic);
  writer.u32(kCaptureVersion);
  writer.u32(crc32(writer.bytes()));
  return writer.take();
}

std::string to_content(const CaptureOrigin& origin) {
  ByteWriter writer;
  for (const auto* text : {&origin.source, &origin.listen, &origin.connect, &origin.program_version}) {
    writer.text(*text);
  }
  return writer.take();
}

CaptureOrigin origin_from(std::string_view content, const std::string& where) {
  CaptureOrigin origin;
  try {
    ByteReader reader(content, where);
    for (auto* text : {&origin.source, &origin.listen, &origin.connect, &origin.program_version}) {
      *text = reader.text();
    }
    reader.expect_end();
  } catch (const CheckpointError& error) {
    throw DataError(error.what());
  }
  return origin;
}

}  // namespace archleak::wire
