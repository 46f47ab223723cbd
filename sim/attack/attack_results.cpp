#include "sim/attack/attack_results.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/statistics.h"
#include "data/image.h"
#include "sim/html.h"

namespace archleak::sim {
namespace {

constexpr int64_t kEnlarged = 4;

std::string table(const AttackResults& results) {
  std::string text =
      "round,client,image,label,found_label,ssim,mse,psnr,correlation,nearer,others,recognised,identified,success,"
      "null_ssim,mean_ssim,unexplained,seconds\n";
  for (const auto& i : results.images) {
    text += fmt::format("{},{},{},{},{},{:.6f},{:.6f},{:.3f},{:.6f},{},{},{},{},{},{:.6f},{:.6f},{:.6g},{:.3f}\n",
                        i.round, i.client, i.image, i.label, i.found_label, i.ssim, i.mse, i.psnr, i.correlation,
                        i.nearer, i.others, int{i.recognised}, int{i.identified}, int{i.recognised && i.identified},
                        i.null_ssim, i.mean_ssim, i.unexplained, i.seconds);
  }
  return text;
}

nlohmann::ordered_json summary(const AttackResults& results) {
  nlohmann::ordered_json json{{"capture", results.capture}, {"blindness", results.blindness}};
  json["threat_model"] = nlohmann::ordered_json::object();
  for (const auto& [name, value] : results.threat_model) json["threat_model"][name] = value;
  std::vector<double> ssim, null_ssim, mean_ssim;
  for (const auto& image : results.images) {
    ssim.push_back(image.ssim);
    null_ssim.push_back(image.null_ssim);
    mean_ssim.push_back(image.mean_ssim);
  }
  const auto count = static_cast<int64_t>(results.images.size());
  const auto rate = estimate_rate(results.successes(), count);
  json["recognised_as"] = results.recognised_as;
  json["images"] = count;
  json["successes"] = results.successes();
  json["success_interval"] = {rate.low, rate.high};
  if (count > 0) {
    json["median_ssim"] = estimate_median(ssim).value;
    json["median_null_ssim"] = estimate_median(null_ssim).value;
    json["median_mean_ssim"] = estimate_median(mean_ssim).value;
  }
  json["skipped"] = results.skipped;
  json["skipped_why"] = results.skipped_why;
  return json;
}

}  // namespace

int64_t AttackResults::successes() const {
  return std::count_if(images.begin(), images.end(),
                       [](const AttackedImage& image) { return image.recognised && image.identified; });
}

void write_attack(const std::filesystem::path& folder, const AttackResults& results, const data::Image& strip) {
  std::filesystem::create_directories(folder);
  const AttackFiles files(folder);
  write_file_atomically(files.table, table(results));
  if (strip.pixels.empty()) {
    std::filesystem::remove(files.strip);
  } else {
    data::write_png(files.strip, data::enlarge(strip, kEnlarged));
  }
  write_file_atomically(files.summary, summary(results).dump(2) + "\n");
}

std::string attack_section(const std::filesystem::path& folder) {
  const AttackFiles files(folder);
  if (!std::filesystem::exists(files.summary)) return {};
  const auto json = nlohmann::json::parse(read_file(files.summary, 1 << 20), nullptr, /*allow_exceptions=*/false);
  try {
    std::vector<std::pair<std::string, std::string>> facts;
    const std::string blindness = json.at("blindness");
    const int64_t images = json.at("images"), skipped = json.at("skipped");
    if (!blindness.empty()) {
      facts.emplace_back("Result", escape_html(blindness));
    } else if (images > 0) {
      facts.emplace_back("Rebuilt", fmt::format("{} of {} images {}, and identified among others of their class "
                                                "(95 % interval {:.0f} to {:.0f} %)",
                                                json.at("successes").get<int64_t>(), images,
                                                json.at("recognised_as").get<std::string>(),
                                                100 * json.at("success_interval").at(0).get<double>(),
                                                100 * json.at("success_interval").at(1).get<double>()));
      facts.emplace_back("Similarity",
                         fmt::format("median SSIM {:.2f}; {:.2f} judged as another image, {:.2f} "
                                     "for the prior's mean",
                                     json.at("median_ssim").get<double>(), json.at("median_null_ssim").get<double>(),
                                     json.at("median_mean_ssim").get<double>()));
    }
    if (skipped > 0) {
      facts.emplace_back("Not attacked", fmt::format("{} updates: {}", skipped,
                                                     escape_html(json.at("skipped_why").get<std::string>())));
    }
    for (const auto& [name, value] : json.at("threat_model").items()) {
      facts.emplace_back(escape_html(name), escape_html(value.get<std::string>()));
    }
    std::string picture;
    if (std::filesystem::exists(files.strip)) {
      picture = "<figure>" +
                html_image(read_file(files.strip, 64 << 20), "image/png",
                           "original, reconstruction and their difference, one image below the other") +
                "<figcaption>Original, reconstruction, absolute difference</figcaption></figure>\n";
    }
    return html_section("What the eavesdropper rebuilt", picture + html_facts(facts));
  } catch (const nlohmann::json::exception& error) {
    throw DataError(files.summary.string() +
                    ": expected the summary of an attack, got something else: " + error.what());
  }
}

}  // namespace archleak::sim
