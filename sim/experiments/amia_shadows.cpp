#include "sim/experiments/amia_shadows.h"

#include "attacks/membership/lira.h"
#include "attacks/membership/ranking.h"
#include "attacks/membership/rmia.h"

namespace archleak::sim {
namespace {

using attacks::ShadowTable;
using attacks::Signals;

constexpr int64_t kLeastShadowsWithout = 2;  // a deviation is that of two

/// The samples where `kept` is 1.
Signals select(const Signals& all, const std::vector<uint8_t>& kept) {
  Signals some{.classes = all.classes, .logits = {}, .labels = {}, .member = {}};
  for (int64_t i = 0; i < all.samples(); ++i) {
    if (!kept[i]) continue;
    const auto row = all.row(i);
    some.logits.insert(some.logits.end(), row.begin(), row.end());
    some.labels.push_back(all.labels[i]);
    some.member.push_back(all.member[i]);
  }
  return some;
}

/// Shadows `begin` to `end`, about all samples.
ShadowTable rows(const ShadowTable& table, int64_t begin, int64_t end) {
  const int64_t from = begin * table.samples, to = end * table.samples;
  return {.shadows = end - begin,
          .samples = table.samples,
          .phi = {table.phi.begin() + from, table.phi.begin() + to},
          .in = {table.in.begin() + from, table.in.begin() + to}};
}

/// All shadows, about the samples that enough of them but the first are without.
ShadowTable rehearsed(const ShadowTable& table) {
  std::vector<int64_t> samples;
  for (int64_t sample = 0; sample < table.samples; ++sample) {
    int64_t without = 0;
    for (int64_t shadow = 1; shadow < table.shadows; ++shadow) without += !table.in_at(shadow, sample);
    if (without >= kLeastShadowsWithout) samples.push_back(sample);
  }
  ShadowTable result{.shadows = table.shadows, .samples = std::ssize(samples), .phi = {}, .in = {}};
  for (int64_t shadow = 0; shadow < table.shadows; ++shadow) {
    for (const int64_t sample : samples) {
      result.phi.push_back(table.phi_at(shadow, sample));
      result.in.push_back(table.in_at(shadow, sample));
    }
  }
  return result;
}

/// Shadows and what they attack, about the same samples and population.
struct Duel {
  ShadowTable shadows, population;
  std::vector<double> attacked, attacked_population;  ///< phi
};

/// Which of the examples asked about a shadow has in its data, in either part.
std::vector<uint8_t> trained_on(const AmiaParts& parts, const AmiaQuestion& question, int64_t shadow, uint64_t seed) {
  std::vector<uint8_t> has(parts.shadow.size() + parts.shadow_nonmembers.size()), result;
  for (const int64_t place : shadow_places(parts, shadow, seed)) has[place] = 1;
  for (const int64_t place : question.places) result.push_back(has[place]);
  return result;
}

}  // namespace

FirstShadow ask_first_shadow(const AmiaTrial& trial, const AmiaParts& parts) {
  const Party party = shadow_party(trial.settings, parts, trial.seed);
  FirstShadow first{.question = ask(party.data, parts.shadow_nonmembers, trial.seed), .kept = {}, .signals = {}};
  const auto& [examples, of_architecture, of_weights, places] = first.question;
  const bool both = party.model == AmiaTarget::derived_both;  // all its examples trained its weights
  std::vector<uint8_t> member;
  for (int64_t i = 0; i < examples.size(); ++i) {
    member.push_back(of_architecture[i] || (both && of_weights[i]));
    first.kept.push_back(both || !of_weights[i]);
  }
  first.signals = select(trial.signals(party, examples, member), first.kept);
  return first;
}

std::map<std::string, std::vector<double>> attack_by_shadows(const AmiaTrial& trial, const AmiaParts& parts,
                                                             const FirstShadow& first, const TargetAnswers& target) {
  const int64_t shadows = trial.settings.attack.shadows;
  ShadowTable own, question, population;
  for (int64_t shadow = 0; shadow < shadows; ++shadow) {
    const Party party = shadow_party(trial.settings, parts, trial.seed, shadow);
    const auto has = trained_on(parts, first.question, shadow, trial.seed);
    attacks::add_shadow(
        own, shadow == 0 ? first.signals : select(trial.signals(party, first.question.examples, has), first.kept));
    attacks::add_shadow(question, trial.signals(party, target.examples));
    attacks::add_shadow(population, trial.signals(party, parts.population));
  }
  own = rehearsed(own);
  const ShadowTable attacked = rows(own, 0, 1);
  const Duel rehearsal{rows(own, 1, shadows), rows(population, 1, shadows), attacked.phi, rows(population, 0, 1).phi};
  const Duel attack{question, population, attacks::scaled_confidence(target.signals),
                    attacks::scaled_confidence(target.population)};

  std::map<std::string, std::vector<double>> found;
  const auto run = [&](const std::string& name, const auto& by) {
    const double threshold = attacks::best_threshold(attacks::rank(by(rehearsal), attacked.in));
    for (const double score : by(attack)) found[name].push_back(score - threshold);
  };
  run("lira", [&](const Duel& duel) {
    return attacks::lira(duel.shadows, duel.attacked,
                         {.mode = attacks::LiraOptions::Mode::offline, .variance = attacks::lira_variance(shadows)});
  });
  const attacks::RmiaOptions options{.a = attacks::fit_rmia_a(own, population)};
  run("rmia", [&](const Duel& duel) {
    return attacks::rmia(duel.shadows, duel.attacked, duel.population, duel.attacked_population, options);
  });
  return found;
}

}  // namespace archleak::sim
