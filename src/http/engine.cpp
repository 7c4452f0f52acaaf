// The engine: admission of transfers per host, libcurl's multi handle, its sockets in one epoll
// descriptor; see engine.hpp. libcurl's timer is remembered as a deadline (a timerfd would double
// the cost of a call).
#include "http/engine.hpp"

#include "http/admission.hpp"
#include "http/origins.hpp"
#include "http/transfer.hpp"
#include "http/url.hpp"

#include <curl/curl.h>

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <stdexcept>
#include <string>
#include <system_error>
#include <unordered_map>
#include <vector>

namespace http
{
namespace
{

using Clock = std::chrono::steady_clock;

/// An epoll descriptor.
class Epoll
{
public:
    Epoll() : fd_(epoll_create1(EPOLL_CLOEXEC))
    {
        if (fd_ < 0)
            throw std::system_error(errno, std::generic_category(), "could not create an epoll descriptor");
    }
    ~Epoll() { close(fd_); }
    Epoll(const Epoll &) = delete;
    Epoll &operator=(const Epoll &) = delete;
    int fd() const noexcept { return fd_; }

private:
    int fd_;
};

void initialise_libcurl()
{
    static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK)
        throw std::runtime_error(std::string("could not initialise libcurl: ") + curl_easy_strerror(code));
}

/// A request that cannot be sent.
struct Refused {
    Failure failure;
    std::string reason;
};

Response refusal(Failure failure, std::string error)
{
    Response response;
    response.failure = failure;
    response.error = std::move(error);
    response.sent = false;
    return response;
}

void demand(CURLMcode code, const char *what)
{
    if (code == CURLM_OUT_OF_MEMORY)
        throw std::bad_alloc();
    if (code != CURLM_OK)
        throw std::runtime_error(std::string("libcurl failed to ") + what + ": " + curl_multi_strerror(code));
}

} // namespace

class Engine::Impl
{
public:
    explicit Impl(Limits limits);
    ~Impl();
    Impl(const Impl &) = delete;
    Impl &operator=(const Impl &) = delete;

    int descriptor() const noexcept { return epoll_.fd(); }
    std::optional<std::chrono::milliseconds> timeout() const noexcept;
    void start(std::uint64_t tag, Request request);
    void step();
    bool finished(std::uint64_t &tag, Response &response);
    std::optional<Response> cancel(std::uint64_t tag);
    std::size_t running() const noexcept { return jobs_.size(); }

private:
    /// One started transfer: waiting (it holds the request) or running (it holds the handle).
    struct Job {
        Admission::Host *host;
        Request request;
        std::unique_ptr<Transfer> transfer;
    };

    using Jobs = std::unordered_map<std::uint64_t, Job>;

    static int on_socket(CURL *, curl_socket_t fd, int what, void *self, void *known) noexcept;
    static int on_timer(CURLM *, long ms, void *self) noexcept;

    Admission::Host *enqueue(std::uint64_t tag, const Request &request);
    void admit();
    void begin(std::uint64_t tag);
    void end(Jobs::iterator job, Response &&response);
    void collect();
    void drive(curl_socket_t fd, int events);

    Epoll epoll_;
    CURLM *multi_;
    std::optional<Clock::time_point> deadline_;
    int epoll_error_{0};
    Jobs jobs_;
    Origins origins_;
    Admission admission_;
    std::vector<std::unique_ptr<Transfer>> idle_;
    std::deque<std::pair<std::uint64_t, Response>> finished_;
};

Engine::Impl::Impl(Limits limits) : admission_(limits.connections, limits.connections_per_host)
{
    initialise_libcurl();
    multi_ = curl_multi_init();
    if (multi_ == nullptr)
        throw std::bad_alloc();
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(limits.connections));
    curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(limits.connections));
}

Engine::Impl::~Impl()
{
    const SignalBlock block;
    for (auto &[tag, job] : jobs_)
        if (job.transfer)
            curl_multi_remove_handle(multi_, job.transfer->easy());
    curl_multi_cleanup(multi_);
}

int Engine::Impl::on_socket(CURL *, curl_socket_t fd, int what, void *self, void *known) noexcept
{
    auto &engine = *static_cast<Impl *>(self);
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(engine.epoll_.fd(), EPOLL_CTL_DEL, fd, nullptr);
        return 0;
    }
    epoll_event event{};
    event.events =
        ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
    event.data.fd = fd;
    if (epoll_ctl(engine.epoll_.fd(), known != nullptr ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0) {
        engine.epoll_error_ = errno;
        return -1;
    }
    if (known == nullptr)
        curl_multi_assign(engine.multi_, fd, self); // any pointer: it says that epoll knows the socket
    return 0;
}

int Engine::Impl::on_timer(CURLM *, long ms, void *self) noexcept
{
    auto &engine = *static_cast<Impl *>(self);
    if (ms < 0)
        engine.deadline_.reset();
    else
        engine.deadline_ = Clock::now() + std::chrono::milliseconds(ms);
    return 0;
}

std::optional<std::chrono::milliseconds> Engine::Impl::timeout() const noexcept
{
    using std::chrono::milliseconds;
    if (!finished_.empty() || admission_.ready())
        return milliseconds(0);
    if (!deadline_)
        return std::nullopt;
    return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(*deadline_ - Clock::now()));
}

/// The waiting list a request belongs to. Throws Refused before any resource is spent on one that cannot be
/// sent.
Admission::Host *Engine::Impl::enqueue(std::uint64_t tag, const Request &request)
{
    try {
        const std::string &origin = origins_.of(request.url);
        if (std::string reason = check_but_url(request); !reason.empty())
            throw Refused{Failure::bad_request, std::move(reason)};
        if (confined(request) && !request.proxy.empty())
            throw Refused{Failure::forbidden_address,
                          "only loopback addresses may be reached, which cannot be ensured through a proxy"};
        return admission_.enqueue(tag, origin);
    } catch (const BadUrl &error) {
        throw Refused{Failure::bad_request, error.what()};
    }
}

void Engine::Impl::start(std::uint64_t tag, Request request)
{
    if (jobs_.contains(tag))
        throw std::invalid_argument("transfer " + std::to_string(tag) + " is already running");
    const auto job = jobs_.emplace(tag, Job{nullptr, {}, nullptr}).first;
    try {
        job->second.host = enqueue(tag, request);
        job->second.request = std::move(request);
    } catch (Refused &refused) {
        jobs_.erase(job);
        finished_.emplace_back(tag, refusal(refused.failure, std::move(refused.reason)));
    } catch (...) {
        jobs_.erase(job);
        throw;
    }
}

/// Begins waiting transfers while there is room; libcurl's timer is due at once then.
void Engine::Impl::admit()
{
    while (const std::optional<std::uint64_t> tag = admission_.next())
        begin(*tag);
}

void Engine::Impl::begin(std::uint64_t tag)
{
    const auto found = jobs_.find(tag);
    Job &job = found->second;
    if (idle_.empty()) {
        job.transfer = std::make_unique<Transfer>();
    } else {
        job.transfer = std::move(idle_.back());
        idle_.pop_back();
    }
    try {
        job.transfer->prepare(tag, std::move(job.request));
    } catch (const std::runtime_error &error) {
        end(found, refusal(Failure::bad_request, error.what()));
        return;
    }
    demand(curl_multi_add_handle(multi_, job.transfer->easy()), "start a transfer");
}

/// Takes a transfer that runs off libcurl and stores its outcome.
void Engine::Impl::end(Jobs::iterator found, Response &&response)
{
    Job &job = found->second;
    curl_multi_remove_handle(multi_, job.transfer->easy());
    job.transfer->reset();
    idle_.push_back(std::move(job.transfer));
    finished_.emplace_back(found->first, std::move(response));
    admission_.done(job.host);
    jobs_.erase(found);
}

void Engine::Impl::collect()
{
    int left = 0;
    while (const CURLMsg *message = curl_multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE)
            continue;
        const CURLcode code = message->data.result;
        Transfer *transfer = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        end(jobs_.find(transfer->tag()), transfer->complete(code));
    }
}

void Engine::Impl::drive(curl_socket_t fd, int events)
{
    int active = 0;
    const CURLMcode code = curl_multi_socket_action(multi_, fd, events, &active);
    if (epoll_error_ != 0)
        throw std::system_error(epoll_error_, std::generic_category(), "could not watch a socket");
    if (code != CURLM_BAD_SOCKET) // an event of a socket that an earlier one closed
        demand(code, "drive transfers");
}

void Engine::Impl::step()
{
    const SignalBlock block;
    epoll_event events[64];
    const int count = epoll_wait(epoll_.fd(), events, std::size(events), 0);
    for (int i = 0; i < count; i++) {
        const unsigned seen = events[i].events;
        drive(events[i].data.fd, ((seen & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                                     ((seen & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                                     ((seen & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0));
    }
    collect();
    admit();
    if (deadline_ && *deadline_ <= Clock::now()) {
        deadline_.reset();
        drive(CURL_SOCKET_TIMEOUT, 0);
        collect();
    }
}

bool Engine::Impl::finished(std::uint64_t &tag, Response &response)
{
    if (finished_.empty())
        return false;
    tag = finished_.front().first;
    response = std::move(finished_.front().second);
    finished_.pop_front();
    return true;
}

std::optional<Response> Engine::Impl::cancel(std::uint64_t tag)
{
    const auto done =
        std::find_if(finished_.begin(), finished_.end(), [&](const auto &one) { return one.first == tag; });
    if (done != finished_.end()) {
        Response response = std::move(done->second);
        finished_.erase(done);
        return response;
    }
    const auto found = jobs_.find(tag);
    if (found == jobs_.end())
        return std::nullopt;
    Job &job = found->second;
    if (!job.transfer) {
        admission_.withdraw(tag, job.host);
        jobs_.erase(found);
        return refusal(Failure::aborted, "the call was cancelled before it was sent");
    }
    const SignalBlock block;
    end(found, job.transfer->abort());
    Response response = std::move(finished_.back().second);
    finished_.pop_back();
    return response;
}

Engine::Engine(Limits limits)
{
    if (limits.connections == 0 || limits.connections_per_host == 0 || limits.connections > 100'000)
        throw std::invalid_argument("connection limits must be between 1 and 100000");
    impl_ = std::make_unique<Impl>(limits);
}
Engine::~Engine() = default;
int Engine::descriptor() const noexcept
{
    return impl_->descriptor();
}
std::optional<std::chrono::milliseconds> Engine::timeout() const noexcept
{
    return impl_->timeout();
}
void Engine::start(std::uint64_t tag, Request request)
{
    impl_->start(tag, std::move(request));
}
void Engine::step()
{
    impl_->step();
}
bool Engine::finished(std::uint64_t &tag, Response &response)
{
    return impl_->finished(tag, response);
}
std::optional<Response> Engine::cancel(std::uint64_t tag)
{
    return impl_->cancel(tag);
}
std::size_t Engine::running() const noexcept
{
    return impl_->running();
}

} // namespace http
