#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "attacks/eavesdropper/observation.h"
#include "sim/attack/attack_results.h"
#include "sim/attack/capture_attack.h"
#include "sim/tables/image_strip.h"

namespace archleak::sim {

/// Which updates of a capture are attacked, with what knowledge, and how the outcome is judged.
struct AttackRequest {
  int64_t round = -1;   ///< this one alone; -1: all
  int64_t client = -1;  ///< likewise
  int64_t limit = 8;    ///< at most so many updates
  int64_t largest_batch = 16;
  bool labels_known = true;
  Segment observed = Segment::alpha;  ///< whose gradient is read: alpha's, or the weights'
  WeightKnowledge weights = WeightKnowledge::broadcast;
  CaptureAttackOptions options;
  std::string config;      ///< file with the run's configuration, read if none went by; may be empty
  std::string classifier;  ///< run directory of a classifier that has to see the true class; may be empty
};

struct AttackOutcome {
  AttackResults results;
  std::vector<ImageTriple> images;  ///< originals and reconstructions
  bool interrupted = false;
};

/// Attacks the updates of a capture that can be read and holds the images against the originals; says so where there is
/// nothing to read. Of several updates, one that cannot be attacked is skipped with the reason. Stops, with what it
/// has, when `stop` is set. Throws DataError where the run's configuration neither went by nor is given, for a capture
/// of several runs, and for one of another network than the configuration builds here.
void attack_capture(const attacks::Observation& observation, const AttackRequest& request,
                    const std::atomic<bool>& stop, AttackOutcome& outcome);

}  // namespace archleak::sim
