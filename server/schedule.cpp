#include "server/schedule.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "core/error.h"

namespace archleak::server {

void describe(ConfigSection section, ScheduleOptions& options) {
  section.read("lease_s", options.lease_s, {.min = 0.1}, "a worker that is not heard of for this long is lost");
  section.read("accept_timeout_s", options.accept_timeout_s, {.min = 0},
               "a task not accepted for this long goes to another worker; 0: never");
  section.read("task_timeout_s", options.task_timeout_s, {.min = 0},
               "a task not finished for this long goes to another worker; 0: never");
  section.read("max_failures", options.max_failures, {.min = 1},
               "a task that fails this often is given up; one that takes its worker down this often ends the run");
  section.read("deadline_s", options.deadline_s, {.min = 0},
               "after this long a round may end without all results; 0: never");
  section.read("min_results", options.min_results, {.min = 0, .max = 1}, "share of the tasks that it then needs");
}

Schedule::Schedule(std::vector<TaskSpec> tasks, const ScheduleOptions& options, Fidelity fidelity, double now)
    : options_(options), fidelity_(fidelity), start_(now) {
  std::sort(tasks.begin(), tasks.end(), [](const TaskSpec& a, const TaskSpec& b) {
    return std::tuple(-a.size, a.client, a.id) < std::tuple(-b.size, b.client, b.id);
  });
  for (const auto& spec : tasks) {
    if (!index_.emplace(spec.id, tasks_.size()).second) {
      throw Error(fmt::format("schedule: expected distinct task ids, got {} twice", spec.id));
    }
    queue_.insert(tasks_.size());
    Task task;
    task.spec = spec;
    tasks_.push_back(task);
  }
  counts_.tasks = static_cast<int64_t>(tasks_.size());
}

std::optional<Assignment> Schedule::assign(const std::string& worker, double now) {
  if (closed_ || queue_.empty() || held_up(worker)) return std::nullopt;
  Task& task = tasks_[*queue_.begin()];
  queue_.erase(queue_.begin());
  task.state = State::running;
  task.worker = worker;
  task.assigned_at = now;
  task.accepted = false;
  renew(worker, now);
  return Assignment{task.spec.id, task.attempt, task.spec.client};
}

Schedule::Task* Schedule::owned(TaskId id, uint32_t attempt, const std::string& worker) {
  const auto place = index_.find(id);
  if (closed_ || place == index_.end()) return nullptr;
  Task& task = tasks_[place->second];
  return task.state != State::queued && task.attempt == attempt && task.worker == worker ? &task : nullptr;
}

std::optional<int64_t> Schedule::client_of(TaskId id) const {
  const auto place = index_.find(id);
  if (place == index_.end()) return std::nullopt;
  return tasks_[place->second].spec.client;
}

bool Schedule::accept(TaskId id, uint32_t attempt, const std::string& worker, double now) {
  Task* const task = owned(id, attempt, worker);
  if (!task) return false;
  task->accepted = true;
  renew(worker, now);
  return true;
}

bool Schedule::held_up(const std::string& worker) const {
  return late_.contains(worker) &&
         std::any_of(lease_.begin(), lease_.end(), [this](const auto& lease) { return !late_.contains(lease.first); });
}

Completion Schedule::complete(TaskId id, uint32_t attempt, const std::string& worker) {
  late_.erase(worker);
  Task* const task = owned(id, attempt, worker);
  if (!task) return Completion::stale;
  if (task->state != State::running) return Completion::duplicate;
  ++completed_;
  if (fidelity_ == Fidelity::wire) {
    task->state = State::done;
    ++counts_.results;
  } else {
    task->state = State::completed;
  }
  return Completion::accepted;
}

Completion Schedule::fail(TaskId id, uint32_t attempt, const std::string& worker) {
  late_.erase(worker);
  Task* const task = owned(id, attempt, worker);
  if (!task || task->state != State::running) return Completion::stale;
  ++counts_.failures;
  if (++task->failures < options_.max_failures) {
    requeue(*task);
  } else {
    task->state = State::given_up;
    ++counts_.given_up;
  }
  return Completion::accepted;
}

Completion Schedule::flush(const std::string& worker, std::span<const TaskId> tasks) {
  if (closed_) return Completion::stale;
  const std::set<TaskId> came(tasks.begin(), tasks.end());
  if (came.size() != tasks.size()) return Completion::stale;
  std::set<TaskId> expected;
  for (const auto& task : tasks_) {
    if (task.state == State::completed && task.worker == worker) expected.insert(task.spec.id);
  }
  if (came == expected && !came.empty()) {
    for (const TaskId id : came) tasks_[index_.at(id)].state = State::done;
    counts_.results += static_cast<int64_t>(came.size());
    return Completion::accepted;
  }
  const bool all_before = !came.empty() && std::all_of(came.begin(), came.end(), [&](TaskId id) {
    const auto place = index_.find(id);
    return place != index_.end() && tasks_[place->second].state == State::done &&
           tasks_[place->second].worker == worker;
  });
  return all_before ? Completion::duplicate : Completion::stale;
}

void Schedule::renew(const std::string& worker, double now) {
  lease_[worker] = now + options_.lease_s;
}

std::vector<std::string> Schedule::expired(double now) const {
  std::vector<std::string> workers;
  for (const auto& [worker, until] : lease_) {
    if (now >= until) workers.push_back(worker);
  }
  return workers;
}

void Schedule::requeue(Task& task) {
  if (task.state == State::completed) --completed_;
  task.state = State::queued;
  task.worker.clear();
  ++task.attempt;
  ++counts_.reassigned;
  queue_.insert(index_.at(task.spec.id));
}

void Schedule::count_failure(Task& task, const std::string& reason) {
  if (++task.failures < options_.max_failures) return;
  throw Error(fmt::format("task {} of client {}: expected fewer than {} failures, got {}; the last: {}", task.spec.id,
                          task.spec.client, options_.max_failures, task.failures, reason));
}

std::vector<TaskId> Schedule::lose(const std::string& worker) {
  if (lease_.erase(worker) > 0) ++counts_.lost;
  late_.erase(worker);
  std::vector<TaskId> back;
  std::vector<Task*> were_running;
  if (closed_) return back;
  for (auto& task : tasks_) {
    if (task.worker != worker || (task.state != State::running && task.state != State::completed)) continue;
    if (task.state == State::running) were_running.push_back(&task);
    requeue(task);
    back.push_back(task.spec.id);
  }
  for (Task* const task : were_running) count_failure(*task, "worker " + worker + " was lost");
  return back;
}

std::vector<TaskId> Schedule::requeue_overdue(double now) {
  std::vector<TaskId> back;
  if (closed_) return back;
  const auto over = [now](double since, double limit_s) { return limit_s > 0 && now >= since + limit_s; };
  std::vector<Task*> late;
  for (auto& task : tasks_) {
    if (task.state != State::running) continue;
    const bool unaccepted = !task.accepted && over(task.assigned_at, options_.accept_timeout_s);
    if (unaccepted || over(task.assigned_at, options_.task_timeout_s)) late.push_back(&task);
  }
  for (Task* const task : late) {
    late_.insert(task->worker);
    requeue(*task);
    back.push_back(task->spec.id);
  }
  for (Task* const task : late) count_failure(*task, "not accepted or finished in time");
  return back;
}

bool Schedule::all_complete() const {
  return completed_ + counts_.given_up == counts_.tasks;
}

bool Schedule::all_done() const {
  return counts_.results + counts_.given_up == counts_.tasks;
}

bool Schedule::past_deadline(double now) const {
  return options_.deadline_s > 0 && now >= start_ + options_.deadline_s;
}

int64_t Schedule::needed() const {
  // The margin keeps 0.7 * 10 tasks at seven.
  const double share = options_.min_results * static_cast<double>(counts_.tasks) - 1e-9;
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(share)));
}

bool Schedule::should_flush(double now) const {
  if (closed_ || fidelity_ == Fidelity::wire || completed_ == counts_.results) return false;
  return all_complete() || (past_deadline(now) && completed_ >= needed());
}

bool Schedule::close(double now) {
  if (closed_) return true;
  if (!all_done() && !(past_deadline(now) && counts_.results >= needed())) return false;
  closed_ = true;
  counts_.dropped = counts_.tasks - counts_.results;
  queue_.clear();
  return true;
}

std::vector<std::string> Schedule::unflushed() const {
  std::set<std::string> workers;
  for (const auto& task : tasks_) {
    if (task.state == State::completed) workers.insert(task.worker);
  }
  return {workers.begin(), workers.end()};
}

int64_t Schedule::running(const std::string& worker) const {
  return std::count_if(tasks_.begin(), tasks_.end(),
                       [&](const Task& task) { return task.state == State::running && task.worker == worker; });
}

ScheduleCounts Schedule::counts() const {
  return counts_;
}

std::vector<TaskId> Schedule::in_hand() const {
  std::vector<TaskId> ids;
  for (const auto& [id, place] : index_) {
    if (tasks_[place].state == State::done) ids.push_back(id);
  }
  return ids;
}

}  // namespace archleak::server
