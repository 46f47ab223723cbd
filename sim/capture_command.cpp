#include "sim/capture_command.h"

#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <map>
#include <memory>

#include "attacks/eavesdropper/observation.h"
#include "attacks/eavesdropper/pcap.h"
#include "core/csv.h"
#include "core/error.h"
#include "core/file.h"
#include "core/printable.h"
#include "sim/capture_export.h"
#include "sim/capture_layout.h"
#include "wire/capture_messages.h"

namespace archleak::sim {
namespace {

constexpr uint64_t kMaxConfigBytes = 1 << 20;

struct CaptureArguments {
  std::string file;
  bool csv = false;                          // show
  std::string out;                           // export, import
  std::string config;                        // export
  ExportSplit split = ExportSplit::segment;  // export
  int port = 0;                              // import
};

/// The fields of a message that a listing shows; empty where it has none.
struct Fields {
  std::string round;
  std::string client;
  std::string note;
};

const char* name_of(wire::TaskKind kind) {
  switch (kind) {
    case wire::TaskKind::train:
      return "train";
    case wire::TaskKind::evaluate:
      return "evaluate";
    case wire::TaskKind::share_keys:
      return "share keys";
    case wire::TaskKind::reveal:
      return "reveal shares";
    case wire::TaskKind::survey:
      return "survey";
  }
  return "?";
}

Fields fields_of(const wire::CapturedUnit& unit) {
  Fields fields{.round = {}, .client = {}, .note = printable(unit.note)};
  if (!unit.message) return fields;
  std::visit(
      [&fields](const auto& message) {
        using Kind = std::decay_t<decltype(message)>;
        if constexpr (requires { message.round; }) fields.round = std::to_string(message.round);
        if constexpr (std::is_same_v<Kind, wire::Task>) {
          const bool evaluate = message.kind == wire::TaskKind::evaluate;
          fields.note =
              evaluate ? fmt::format("evaluate {} to {}", message.first, message.last) : name_of(message.kind);
          if (!evaluate) fields.client = std::to_string(message.client);
        } else if constexpr (std::is_same_v<Kind, wire::Outcome>) {
          fields.client = std::to_string(message.client);
          fields.note = fmt::format("weight {}", message.weight);
          if (message.masked) {
            fields.note += fmt::format(", a masked update of {} numbers", message.update.bytes() / sizeof(int64_t));
          } else if (!message.update.empty()) {
            fields.note += fmt::format(", an update of {} floats", message.update.bytes() / sizeof(float));
          }
        } else if constexpr (std::is_same_v<Kind, wire::Model>) {
          fields.note = fmt::format("{} floats", message.values.bytes() / sizeof(float));
        } else if constexpr (requires { message.reason; }) {
          fields.note = printable(message.reason);
        }
      },
      *unit.message);
  return fields;
}

std::string time_text(int64_t time_ns) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{duration_cast<milliseconds>(nanoseconds(time_ns))};
  const auto whole = floor<seconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(system_clock::to_time_t(whole)),
                     (time - whole).count());
}

const char* direction_text(wire::Direction direction) {
  return direction == wire::Direction::up ? "up" : "down";
}

void print_origins(const wire::CaptureReader& reader) {
  const auto origins = reader.origins();
  for (size_t i = 0; i < origins.size(); ++i) {
    fmt::print("segment {}: {}{}\n", i + 1, printable(origins[i].source),
               origins[i].listen.empty()
                   ? ""
                   : fmt::format(", {} to {}", printable(origins[i].listen), printable(origins[i].connect)));
  }
}

void print_cut(const std::string& file, const std::optional<std::string>& cut) {
  if (cut) fmt::print(stderr, "{}: {}\n", file, *cut);
}

void show(const CaptureArguments& arguments) {
  struct Sum {
    int64_t count = 0;
    uint64_t bytes = 0;
  };
  constexpr const char* kRow = "{:<24} {:>4} {:<14} {:<4} {:<11} {:>6} {:>6} {:>12}  {}\n";
  const wire::CaptureReader reader(arguments.file);
  if (arguments.csv) {
    fmt::print("time,segment,connection,worker,direction,kind,round,client,bytes,note\n");
  } else {
    print_origins(reader);
    fmt::print(kRow, "time", "conn", "worker", "way", "kind", "round", "client", "bytes", "note");
  }
  std::map<std::string, Sum> sums;
  wire::CaptureMessages units(reader);
  while (const auto unit = units.next()) {
    const Fields fields = fields_of(*unit);
    const auto& stream = unit->place.stream;
    if (arguments.csv) {
      fmt::print("{}\n",
                 csv_row({time_text(unit->time_ns), std::to_string(stream.segment), std::to_string(stream.connection),
                          printable(unit->worker), direction_text(stream.direction), unit->name(), fields.round,
                          fields.client, std::to_string(unit->place.bytes), fields.note}));
    } else {
      fmt::print(kRow, time_text(unit->time_ns), stream.connection, printable(unit->worker),
                 direction_text(stream.direction), unit->name(), fields.round, fields.client, unit->place.bytes,
                 fields.note);
    }
    Sum& sum = sums[unit->name()];
    ++sum.count;
    sum.bytes += unit->place.bytes;
  }
  if (!arguments.csv) {
    fmt::print("\n{:<12}{:>10}{:>16}\n", "kind", "count", "bytes");
    for (const auto& [kind, sum] : sums) fmt::print("{:<12}{:>10}{:>16}\n", kind, sum.count, sum.bytes);
  }
  print_cut(arguments.file, reader.cut());
}

/// The layout from --config, else from the configuration that went by.
std::optional<CaptureLayout> find_layout(const CaptureArguments& arguments, const attacks::Observation& seen) {
  if (arguments.split == ExportSplit::message) return std::nullopt;
  const std::string fingerprint = seen.welcome() ? seen.welcome()->layout : "";
  if (!arguments.config.empty()) {
    return capture_layout(read_file(arguments.config, kMaxConfigBytes), arguments.config, fingerprint);
  }
  if (seen.welcome()) return capture_layout(seen.welcome()->config, "configuration on the wire", fingerprint);
  fmt::print(stderr, "no configuration went by, so messages are not split; --config FILE names one\n");
  return std::nullopt;
}

void export_all(const CaptureArguments& arguments) {
  const attacks::Observation seen(arguments.file);
  print_cut(arguments.file, seen.cut());
  const std::string blind = seen.blindness();
  if (seen.rounds().empty()) throw DataError(arguments.file + ": " + blind);
  if (!blind.empty()) fmt::print(stderr, "{}\n", blind);
  const ExportCounts counts = export_capture(seen, find_layout(arguments, seen), arguments.split, arguments.out);
  if (counts.whole > 0) {
    fmt::print(stderr, "{} messages have another size than their layout and are not split\n", counts.whole);
  }
  fmt::print(
      "{} models, {} updates, {} masked updates and {} partial sums of {} rounds are in {} files; {} lists them\n",
      counts.models, counts.updates, counts.masked, counts.sums, seen.rounds().size(), counts.files,
      (std::filesystem::path(arguments.out) / "index.csv").string());
}

void import_pcap(const CaptureArguments& arguments) {
  const attacks::PcapImport imported =
      attacks::import_pcap(arguments.file, arguments.out, static_cast<uint16_t>(arguments.port), ARCHLEAK_VERSION);
  fmt::print("{} packets, {} connections, {} bytes, of which {} are missing, are in {}\n", imported.packets,
             imported.connections, imported.bytes, imported.missing, arguments.out);
  if (imported.cut) fmt::print(stderr, "{}: {}\n", arguments.file, *imported.cut);
}

}  // namespace

void add_capture_command(CLI::App& app) {
  CLI::App* capture = app.add_subcommand("capture", "Look into what an eavesdropper has recorded");
  capture->require_subcommand(1);
  const auto arguments = std::make_shared<CaptureArguments>();

  CLI::App* showing = capture->add_subcommand("show", "List the messages: time, worker, kind, round, client, bytes");
  showing->add_option("FILE", arguments->file, "capture file")->required();
  showing->add_flag("--csv", arguments->csv, "as comma-separated values");
  showing->callback([arguments] { show(*arguments); });

  CLI::App* exporting = capture->add_subcommand("export", "Write models and updates as NumPy files, with an index");
  exporting->add_option("FILE", arguments->file, "capture file")->required();
  exporting->add_option("DIR", arguments->out, "new or empty folder")->required();
  exporting->add_option("--config", arguments->config,
                        "the run's configuration with every key (config.toml of its directory), if it is not in the "
                        "capture");
  const std::map<std::string, ExportSplit> splits{
      {"message", ExportSplit::message}, {"segment", ExportSplit::segment}, {"tensor", ExportSplit::tensor}};
  exporting
      ->add_option("--split", arguments->split,
                   "files of one message: all in one (message), weights, alpha and buffers (segment, the default), or "
                   "each tensor in its shape (tensor)")
      ->transform(CLI::CheckedTransformer(splits));
  exporting->callback([arguments] { export_all(*arguments); });

  CLI::App* importing = capture->add_subcommand("import", "Take over the TCP traffic that tcpdump has recorded");
  importing->add_option("FILE", arguments->file, "pcap or pcapng file")->required();
  importing->add_option("--out", arguments->out, "capture file; one that exists gets a further segment")->required();
  importing
      ->add_option("--port", arguments->port, "the coordinator's port; without: all connections that begin with ZMTP")
      ->check(CLI::Range(1, 65535));
  importing->callback([arguments] { import_pcap(*arguments); });
}

}  // namespace archleak::sim
