"""The web role: REST under /api/v1 (and /api/latest), the page, the documentation, health.

`create_app` is all that others use, with `server.serve`. One file per resource; what all share is
in `site` (program and walks), `gate` (before and after every handler), `problems` (errors).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import NotFoundException, ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.types import ControllerRouterHandler

from sigmawatch.app.access_config import called
from sigmawatch.app.web import (
    aliases,
    audit,
    backups,
    channels,
    chart,
    composition,
    dashboard,
    deliveries,
    episodes,
    fail_overs,
    forecasts,
    health,
    imports,
    keys,
    login,
    metrics,
    nowhere,
    openapi,
    openings,
    pages,
    patterns,
    pausing,
    problems,
    quarantine,
    rank_history,
    ranking,
    records,
    rejected,
    rules,
    runs,
    samples,
    session,
    silences,
    snapshot,
    sparklines,
    statistics,
    storage,
    stream,
    subscriptions,
    telemetry,
    tracking,
    trials,
    users,
    venues,
    watchlists,
    webhook,
)
from sigmawatch.app.web.acting import actor_of, caller_of
from sigmawatch.app.web.asked_once import AskedOnce
from sigmawatch.app.web.at_once import AtOnce
from sigmawatch.app.web.counted import Counted
from sigmawatch.app.web.door.credentials import Access as Book
from sigmawatch.app.web.door.framing import BODY_BYTES_MAX
from sigmawatch.app.web.door.guard import Budgets, Guard
from sigmawatch.app.web.door.json_bounds import BoundedRequest
from sigmawatch.app.web.door.patience import Patience
from sigmawatch.app.web.gate import Door, Gate
from sigmawatch.app.web.inputs import refuse_unknown
from sigmawatch.app.web.kept import Kept
from sigmawatch.app.web.presented import Presented
from sigmawatch.app.web.site import Contract, Site

if TYPE_CHECKING:
    from sigmawatch.app.access.access import Access
    from sigmawatch.app.program import Program

Handlers = tuple[ControllerRouterHandler, ...]

RESOURCES: Handlers = (
    health.show_index,
    metrics.list_metrics, metrics.show_metric, tracking.track, tracking.untrack,
    forecasts.forecast_track,
    patterns.list_patterns, patterns.show_pattern, patterns.follow_pattern, patterns.drop_pattern,
    records.list_records, records.show_records, imports.import_records, statistics.show_statistics,
    chart.show_chart, composition.show_composition,
    ranking.show_ranking,
    snapshot.show_snapshot, sparklines.list_sparklines, stream.show_stream,
    rank_history.show_rank_history,
    watchlists.list_watchlists, watchlists.show_watchlist, watchlists.add_watchlist,
    watchlists.put_watchlist, watchlists.remove_watchlist,
    rules.list_rules, rules.show_rule, rules.list_rule_versions, rules.check_rule, rules.put_rule,
    rules.enable_rule, rules.disable_rule, rules.remove_rule,
    trials.preview_rule, trials.show_course, trials.explain_episode,
    silences.list_silences, silences.show_silence, silences.add_silence, silences.end_silence,
    episodes.list_episodes, episodes.show_episode, episodes.acknowledge_episode,
    venues.list_venues, venues.show_venue, venues.list_markets, quarantine.list_rejected,
    openings.enable_venue, openings.disable_venue,
    aliases.list_aliases, aliases.put_alias, aliases.remove_alias,
    pausing.pause_venue, pausing.resume_venue, pausing.pause_market, pausing.resume_market,
    fail_overs.list_fail_overs, fail_overs.begin_fail_over, fail_overs.end_fail_over,
    runs.list_runs, runs.list_jobs, runs.start_job, runs.cancel_job, runs.retry_job, runs.collect,
    samples.push_samples,
    deliveries.list_deliveries, deliveries.show_delivery, deliveries.resend_delivery,
    deliveries.list_inbox, deliveries.read_inbox,
    subscriptions.list_subscriptions, subscriptions.add_subscription,
    subscriptions.confirm_subscription, subscriptions.unsubscribe, subscriptions.end_subscription,
    channels.list_channels, channels.show_channel, channels.add_channel, channels.change_channel,
    channels.remove_channel, channels.list_services,
    channels.try_channel, channels.enable_channel, channels.rekey_channels,
    backups.list_backups, backups.make_backup,
    storage.show_storage,
    session.show_session, session.log_in, session.log_out, session.set_own_password,
    session.set_up, session.issue_setup_token,
    users.list_users, users.show_user, users.add_user, users.change_user, users.set_user_password,
    keys.list_keys, keys.show_key, keys.add_key, keys.rotate_key, keys.revoke_key,
    audit.list_audit, audit.verify_audit,
)  # fmt: skip
BESIDE: Handlers = (
    health.show_health, health.show_readiness, health.show_problem, webhook.record_trade_volume,
    webhook.ask_trade_volume,
    telemetry.show_telemetry,
)  # fmt: skip
PAGES: Handlers = (
    dashboard.show_page, pages.show_docs, pages.show_asset, openapi.show_document,
    login.begin_login, login.end_login, subscriptions.unsubscribe_by_mail,
)  # fmt: skip


class Mounted(Router):
    """A version of the API, of one application: so Litestar need not copy every route deeply before
    it takes it, which is two fifths of the time that an application needs to be made."""

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self


class Application(Litestar):
    """A program's. at_once: for a server that can do without awaiting it (`at_once.Prompt`)."""

    at_once: AtOnce


VERSIONS: Mapping[str, Handlers] = MappingProxyType({"v1": RESOURCES})


def understood(handlers: Handlers) -> Handlers:
    """The same, their signatures read: every mount takes a copy, and would read its own again."""
    for handler in handlers:
        if isinstance(handler, BaseRouteHandler):
            _ = handler.parsed_fn_signature, handler.parsed_return_field, handler.parsed_data_field
    return handlers


@cache
def contract() -> Contract:
    """The OpenAPI document of version 1; the same in every program."""
    return openapi.contract_of([Router("/api/v1", route_handlers=RESOURCES), *BESIDE])


def create_app(
    program: Program, *, token: str = "", kept: Access | None = None, book: Book | None = None,
    versions: Mapping[str, Handlers] = VERSIONS,
) -> Application:  # fmt: skip
    """The ASGI application of `program`. token: of the command line on this machine, accepted as
    `Authorization: Bearer`. kept: users, keys and the audit log where they are not the program's
    own; book: who is who, where not as they say. versions: of the API, the newest last. The
    dashboard in its state is the package's."""
    kept = kept or program.access
    book = book or kept.book
    site = Site(program, contract=contract, access=kept)
    config = program.config
    budgets = Budgets(config.limits, now_ms=program.clock.monotonic_ms)
    guard = Guard(budgets, access=book)
    mounted = {f"/api/{name}": handlers for name, handlers in versions.items()}
    mounted |= {"/api/latest": list(mounted.values())[-1], "/": BESIDE}
    resources = [
        Mounted(path, route_handlers=understood(handlers), guards=[refuse_unknown])
        for path, handlers in mounted.items()
    ]
    app = Application(
        [*resources, *understood(PAGES)],
        dependencies={
            "site": Provide(lambda: site, sync_to_thread=False),
            "caller": Provide(caller_of, sync_to_thread=False),
            "actor": Provide(actor_of, sync_to_thread=False),
        },
        guards=[guard],
        middleware=[Patience(config.limits.query_s)],
        request_class=BoundedRequest,
        state=State({dashboard.STATE: dashboard.packaged()}),
        exception_handlers={
            ValidationException: rejected.answer,
            NotFoundException: nowhere.answer,
            Exception: problems.answer,
        },
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=None,
        logging_config=None,
    )
    door = Door(config.access, book, budgets=budgets, token=token,
                hosts=called(config.server.host))  # fmt: skip
    inner = AskedOnce(Presented(app.asgi_handler), program.once, budgets=budgets)
    kept_answers = Kept(inner, guard=guard, now=site.stamp)
    gate = Gate(kept_answers, door)
    app.asgi_handler = counted = Counted(gate, program.telemetry)
    app.at_once = AtOnce(counted, gate=gate, kept=kept_answers)
    return app
