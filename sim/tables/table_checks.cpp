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

Estimate mirrored(const Estimate& estimate) {
  return {-estimate.value, -estimate.high, -estimate.low, estimate.count};
}

Outcome decide(bool holds, bool fails) {
  return holds ? Outcome::holds : fails ? Outcome::fails : Outcome::undecided;
}

class Judge {
 public:
  Judge(const TablePlan& plan, const std::vector<CellResult>& cells, const Check& check)
      : plan_(plan), cells_(cells), check_(check) {
    figure_ = index_of(check.figure);
  }

  std::vector<Verdict> verdicts() const {
    std::vector<std::string> open;  // axes that the check leaves open
    for (const Axis& axis : plan_.axes) {
      if (axis.name != check_.along && !check_.first.contains(axis.name)) open.push_back(axis.name);
    }
    std::vector<Verdict> verdicts;
    for (const Selection& at : plan_.combinations(open)) {
      Verdict verdict{.claim = check_.claim, .where = describe(plan_, at)};
      judge_at(at, verdict);
      verdicts.push_back(std::move(verdict));
    }
    return verdicts;
  }

 private:
  /// Sets outcome and reason of a verdict, which is undecided before.
  void judge_at(const Selection& at, Verdict& verdict) const {
    if (!check_.along.empty()) {
      trend(at, verdict);
    } else if (check_.kind == CheckKind::near) {
      near(at, verdict);
    } else {
      compare(at, verdict);
    }
  }

  size_t index_of(const std::string& id) const {
    const auto& figures = plan_.spec.figures;
    return static_cast<size_t>(
        std::find_if(figures.begin(), figures.end(), [&](const FigureSpec& f) { return f.id == id; }) -
        figures.begin());
  }

  /// The figure at a place; null, with the reason in `verdict`, where there is nothing to judge.
  const CellFigure* figure(Selection at, const Selection& fixed, Verdict& verdict) const {
    return figure(at, fixed, figure_, verdict);
  }
  const CellFigure* figure(Selection at, const Selection& fixed, size_t index, Verdict& verdict) const {
    at.insert(fixed.begin(), fixed.end());
    const auto cell = plan_.find(at);
    if (!cell) {
      verdict.reason = fmt::format("{} is not of scale {}", describe(plan_, fixed), plan_.scale);
      return nullptr;
    }
    const CellFigure& found = cells_[*cell].figures[index];
    if (found.estimate.count == 0) verdict.reason = "no values at " + describe(plan_, at);
    return found.estimate.count == 0 ? nullptr : &found;
  }

  std::string show(const Estimate& estimate) const { return format(estimate, plan_.spec.figures[figure_]); }

  /// A fall is the rise of the mirrored figures.
  void trend(const Selection& at, Verdict& verdict) const {
    const bool falls = check_.kind == CheckKind::falls;
    std::vector<Estimate> steps;
    for (const AxisValue& value : plan_.axis(check_.along).values) {
      Selection place = check_.first;
      place[check_.along] = value.label;
      const CellFigure* step = figure(at, place, verdict);
      if (!step) return;
      steps.push_back(falls ? mirrored(step->estimate) : step->estimate);
    }
    if (steps.size() < 2) {
      verdict.reason = "one place on " + check_.along + " shows no direction";
      return;
    }
    bool against = false;
    for (size_t i = 0; i < steps.size(); ++i) {
      for (size_t j = i + 1; j < steps.size(); ++j) against |= above(steps[i], steps[j]);
    }
    verdict.outcome = decide(!against && above(steps.back(), steps.front()), against);
    const Estimate first = falls ? mirrored(steps.front()) : steps.front();
    const Estimate last = falls ? mirrored(steps.back()) : steps.back();
    verdict.reason = fmt::format("{} to {}", show(first), show(last));
    if (against) verdict.reason += ", with a step the other way";
  }

  void compare(const Selection& at, Verdict& verdict) const {
    const CellFigure* const a = figure(at, check_.first, verdict);
    if (!a) return;
    Estimate first = a->estimate, second{};
    if (check_.value) {
      second = {*check_.value, *check_.value, *check_.value, 1};
    } else {
      const bool other_figure = !check_.than.empty();
      const CellFigure* const b = figure(at, other_figure ? check_.first : check_.second,
                                         other_figure ? index_of(check_.than) : figure_, verdict);
      if (!b) return;
      second = b->estimate;
    }
    verdict.reason =
        fmt::format("{} against {}", show(first), check_.value ? fmt::format("{}", *check_.value) : show(second));
    if (check_.kind == CheckKind::below) {  // the mirrored figures' above
      first = mirrored(first);
      second = mirrored(second);
    }
    const bool strict = check_.kind != CheckKind::at_least;
    const double shift = strict ? check_.margin : -check_.margin;
    second.low += shift;
    second.high += shift;
    verdict.outcome = decide(strict ? first.low > second.high : first.low >= second.high,
                             strict ? first.high <= second.low : first.high < second.low);
  }

  void near(const Selection& at, Verdict& verdict) const {
    const CellFigure* const ours = figure(at, check_.first, verdict);
    if (!ours) return;
    const auto wanted = check_.value ? check_.value : ours->published;
    if (!wanted) {
      verdict.reason = "no published value";
      return;
    }
    const double least = *wanted - check_.margin, most = *wanted + check_.margin;
    const auto& [value, low, high, count] = ours->estimate;
    verdict.reason = fmt::format("{} against {}", show(ours->estimate), *wanted);
    verdict.outcome = decide(low >= least && high <= most, low > most || high < least);
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
