#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/image.h"

namespace archleak::sim {

/// One image behind an update, and what an attack made of it.
struct AttackedImage {
  int64_t round = 0;
  int64_t client = 0;
  int64_t image = 0;  ///< within the update
  int64_t label = 0;
  int64_t found_label = 0;
  double ssim = 0;
  double mse = 0;
  double psnr = 0;
  double correlation = 0;
  int64_t nearer = 0;       ///< of the other images of the class, how many are at least as similar
  int64_t others = 0;       ///< how many there were
  bool recognised = false;  ///< similar enough, and of the true class to the classifier if there is one
  bool identified = false;
  double null_ssim = 0;  ///< of the same reconstruction with another image of the class
  double mean_ssim = 0;  ///< of the prior's mean with this image
  double unexplained = 0;
  double seconds = 0;  ///< of the attack on the whole update
};

/// What an attack on a capture found, beside the threat model that it ran under.
struct AttackResults {
  std::string capture;
  std::string blindness;                                          ///< why there was nothing to attack; else empty
  std::vector<std::pair<std::string, std::string>> threat_model;  ///< name and value
  std::string recognised_as;                                      ///< in words, what counts as recognised
  std::vector<AttackedImage> images;
  int64_t skipped = 0;  ///< updates that were not attacked, for `skipped_why`
  std::string skipped_why;

  int64_t successes() const;  ///< recognised and identified
};

/// The files in an attack's folder.
struct AttackFiles {
  explicit AttackFiles(const std::filesystem::path& folder)
      : table(folder / "attack.csv"), summary(folder / "attack.json"), strip(folder / "images.png") {}
  std::filesystem::path table, summary, strip;
};

/// Writes attack.csv (a row an image), attack.json, and images.png unless `strip` is empty. Makes the folder.
void write_attack(const std::filesystem::path& folder, const AttackResults& results, const data::Image& strip);

/// The report's section on the attack in `folder`: threat model, images, success. Empty if there is none. Throws
/// DataError for a summary that is none.
std::string attack_section(const std::filesystem::path& folder);

}  // namespace archleak::sim
