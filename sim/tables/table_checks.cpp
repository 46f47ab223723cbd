#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "sim/tables/table_results.h"
#include "sim/tables/table_show.h"

namespace archleak::sim {
namespace {

/// Whether `a` lies above `b` in whole.
bool above(const Estimate& a, const Estimate& b) {
  return a.low > b.high;
}

Outcome decide(bool holds, bool fails) {
  return holds ? Outcome::holds : fails ? Outcome::fails : Outcome::undecided;
}

/// What stands in place of a verdict where there is nothing to judge.
struct Missing {
  std::string reason;
};

class Judge {
 public:
  Judge(const TablePlan& plan, const std::vector<CellResult>& cells, const Check& check)
      : plan_(plan), cells_(cells), check_(check) {
    const auto& figures = plan.spec.figures;
    figure_ = static_cast<size_t>(
        std::find_if(figures.begin(), figures.end(), [&](const FigureSpec& f) { return f.id == check.figure; }) -
        figures.begin());
  }

  std::vector<Verdict> verdicts() const {
    std::vector<std::string> open;  // axes that the check leaves open
    for (const Axis& axis : plan_.axes) {
      if (axis.name != check_.along && !check_.first.contains(axis.name)) open.push_back(axis.name);
    }
    std::vector<Verdict> verdicts;
    for (const Selection& at : plan_.combinations(open)) {
      Verdict verdict{.claim = check_.claim, .where = describe(plan_, at)};
      try {
        verdict = one(at, std::move(verdict));
      } catch (const Missing& missing) {
        verdict.reason = missing.reason;
      }
      verdicts.push_back(std::move(verdict));
    }
    return verdicts;
  }

 private:
  Verdict one(const Selection& at, Verdict verdict) const {
    switch (check_.kind) {
      case CheckKind::rises:
        return trend(at, std::move(verdict), 1);
      case CheckKind::falls:
        return trend(at, std::move(verdict), -1);
      case CheckKind::near:
        return near(at, std::move(verdict));
      default:
        return compare(at, std::move(verdict));
    }
  }

  const CellFigure& figure(Selection at, const Selection& fixed) const {
    at.insert(fixed.begin(), fixed.end());
    const auto cell = plan_.find(at);
    if (!cell) throw Missing{fmt::format("{} is not of scale {}", describe(plan_, fixed), plan_.scale)};
    const CellFigure& found = cells_[*cell].figures[figure_];
    if (found.estimate.count == 0) throw Missing{"no values at " + describe(plan_, at)};
    return found;
  }

  std::string show(const Estimate& estimate) const { return format(estimate, plan_.spec.figures[figure_]); }

  /// `sign` 1 for a rise, -1 for a fall.
  Verdict trend(const Selection& at, Verdict verdict, double sign) const {
    std::vector<Estimate> steps;
    for (const AxisValue& value : plan_.axis(check_.along).values) {
      Selection place = check_.first;
      place[check_.along] = value.label;
      Estimate step = figure(at, place).estimate;
      if (sign < 0) step = {-step.value, -step.high, -step.low, step.count};
      steps.push_back(step);
    }
    if (steps.size() < 2) throw Missing{"one place on " + check_.along + " shows no direction"};
    bool against = false;
    for (size_t i = 0; i < steps.size(); ++i) {
      for (size_t j = i + 1; j < steps.size(); ++j) against |= above(steps[i], steps[j]);
    }
    verdict.outcome = decide(!against && above(steps.back(), steps.front()), against);
    if (sign < 0) {
      for (Estimate& step : steps) step = {-step.value, -step.high, -step.low, step.count};
    }
    verdict.reason = fmt::format("{} to {}", show(steps.front()), show(steps.back()));
    if (against) verdict.reason += ", with a step the other way";
    return verdict;
  }

  Verdict compare(const Selection& at, Verdict verdict) const {
    const Estimate first = figure(at, check_.first).estimate;
    Estimate second = figure(at, check_.second).estimate;
    verdict.reason = fmt::format("{} against {}", show(first), show(second));
    const double shift = check_.kind == CheckKind::above ? check_.margin : -check_.margin;
    second.low += shift;
    second.high += shift;
    const bool strict = check_.kind == CheckKind::above;
    verdict.outcome = decide(strict ? first.low > second.high : first.low >= second.high,
                             strict ? first.high <= second.low : first.high < second.low);
    return verdict;
  }

  Verdict near(const Selection& at, Verdict verdict) const {
    const CellFigure& ours = figure(at, check_.first);
    const auto wanted = check_.value ? check_.value : ours.published;
    if (!wanted) throw Missing{"no published value"};
    verdict.reason = fmt::format("{} against {}", show(ours.estimate), *wanted);
    verdict.outcome =
        decide(ours.estimate.low >= *wanted - check_.margin && ours.estimate.high <= *wanted + check_.margin,
               ours.estimate.low > *wanted + check_.margin || ours.estimate.high < *wanted - check_.margin);
    return verdict;
  }

  const TablePlan& plan_;
  const std::vector<CellResult>& cells_;
  const Check& check_;
  size_t figure_ = 0;
};

}  // namespace

std::vector<Verdict> judge(const TablePlan& plan, const std::vector<CellResult>& cells) {
  std::vector<Verdict> verdicts;
  for (const Check& check : plan.spec.checks) {
    for (Verdict& verdict : Judge(plan, cells, check).verdicts()) verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

}  // namespace archleak::sim
