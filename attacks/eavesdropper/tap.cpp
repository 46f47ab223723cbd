#include "attacks/eavesdropper/tap.h"

namespace archleak::attacks {

void describe(ConfigSection section, TapOptions& options) {
  section.read("enabled", options.enabled, "put an eavesdropper between workers and coordinator (ipc and tcp)");
  section.read("buffer_mib", options.buffer_mib, {.min = 1, .max = 1 << 20},
               "MiB that may wait for a slow disk before bytes are left out of the recording");
}

Tap::Tap(const TapPlace& place, int64_t buffer_mib)
    : recorder_([this](const Record& record) { write_record(*writer_, record); }, static_cast<uint64_t>(buffer_mib)
                                                                                      << 20),
      relay_(place.listen, place.connect, recorder_) {
  // Nothing is recorded before `run`.
  writer_.emplace(
      place.capture,
      wire::CaptureOrigin{
          .source = "tap", .listen = relay_.url(), .connect = place.connect, .program_version = place.program_version});
}

TapEnd Tap::run(const std::atomic<bool>& stop, int wake_fd) {
  TapEnd end;
  end.relayed = relay_.run(stop, wake_fd);
  end.recorded = recorder_.end();
  if (end.recorded.disk_failure.empty()) writer_->finish();
  return end;
}

}  // namespace archleak::attacks
