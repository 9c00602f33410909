"""Live pages: a stream of server-sent events says that something has changed, and no more.

What has changed is asked for like any page, by whoever may see it. So a stream carries nothing
that would have to be judged, and one look at the database serves all who watch a tenant. A page
names the pulse that it was made at, so that nothing is missed before its stream is open.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from console.web.identity import Identity
from console.web.visit import check_password_age
from shared.db.engine import Database
from shared.db.pulse import pulse
from shared.domain.roles import Permission
from shared.errors import BellringerError

#: Seconds between two looks at a tenant that somebody watches.
LOOK_S = 1.0
#: Seconds after which a stream says that it is still there, and asks whether its session is.
BEAT_S = 15.0
#: Seconds after which a stream ends; the browser opens the next.
LIFE_S = 900.0
#: Streams that one process serves at once, and of them to one account: a tab has one.
MOST = 500
MOST_OF_ONE = 30


class Live:
    """Serves the streams.

    Args:
        identity: tells who asks.
        database: that is watched.
    """

    def __init__(self, identity: Identity, database: Database) -> None:
        self._identity = identity
        self._watches: dict[int | None, _Watch] = {}
        self._database = database
        self._open: Counter[int | None] = Counter()
        self._is_ending = False

    def end(self) -> None:
        """End every stream within a second: the process stops."""
        self._is_ending = True

    def routes(self) -> list[Route]:
        """Return the paths: a tenant's stream, and the one over all tenants."""
        return [
            Route("/tenants/{tenant}/live", self._stream),
            Route("/live", self._stream),
        ]

    async def _stream(self, request: Request) -> Response:
        tenant = request.path_params.get("tenant")
        try:
            account, tenant_id = await run_in_threadpool(self._judged, request, tenant)
        except BellringerError:
            # a stream that is refused is not opened again: 204 tells the browser so
            return Response(status_code=204)
        if self._open[account] >= MOST_OF_ONE or self._open.total() >= MOST:
            return PlainTextResponse("too many watch\n", 503, {"Retry-After": "30"})

        async def is_welcome() -> bool:
            try:
                await run_in_threadpool(self._judged, request, tenant)
            except BellringerError:
                return False
            return True

        return StreamingResponse(
            self._events(account, tenant_id, _seen(request), is_welcome),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    def _judged(self, request: Request, tenant: str | None) -> tuple[int | None, int | None]:
        """Return the ids of who watches and of the tenant to watch, None: all.

        Raises:
            BellringerError: the caller may not.
        """
        visit = self._identity.visit(request, touch=False)
        check_password_age(visit)
        if tenant is None:
            if not visit.may(Permission.ADMINISTER):
                raise BellringerError("not for this caller")
            return visit.caller.account_id, None
        return visit.caller.account_id, visit.desk.tenant(tenant).id

    async def _events(
        self,
        account: int | None,
        tenant_id: int | None,
        seen: str | None,
        is_welcome: Callable[[], Awaitable[bool]],
    ) -> AsyncIterator[str]:
        self._open[account] += 1
        watch = self._watches.setdefault(tenant_id, _Watch(self._database, tenant_id))
        try:
            async with watch.watched():
                loop = asyncio.get_running_loop()
                end = loop.time() + LIFE_S
                yield "retry: 3000\n\n"
                beat = loop.time() + BEAT_S
                while loop.time() < end and not self._is_ending:
                    changed = await watch.changed_from(seen, LOOK_S)
                    if changed is not None:
                        seen = changed
                        yield f"id: {seen}\nevent: changed\ndata: {seen}\n\n"
                    if loop.time() > beat:
                        if not await is_welcome():
                            return
                        beat = loop.time() + BEAT_S
                        yield ": still here\n\n"
        finally:
            self._open[account] -= 1
            if not self._open[account]:
                del self._open[account]
            if not watch.watchers:
                self._watches.pop(tenant_id, None)


class _Watch:
    """Looks at one tenant as long as somebody watches it."""

    def __init__(self, database: Database, tenant_id: int | None) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._changed = asyncio.Condition()
        self.watchers = 0
        #: The pulse that was last seen; None: none yet.
        self.version: str | None = None
        self._task: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Count somebody who watches."""
        self.watchers += 1
        if self._task is None:
            self._task = asyncio.create_task(self._look())
        try:
            yield
        finally:
            self.watchers -= 1
            if not self.watchers and self._task is not None:
                self._task.cancel()
                self._task = None

    async def changed_from(self, seen: str | None, within_s: float) -> str | None:
        """Return the pulse once it is another than this; None: it is not after these seconds."""
        async with self._changed:
            try:
                async with asyncio.timeout(within_s):
                    await self._changed.wait_for(lambda: self.version not in (None, seen))
            except TimeoutError:
                return None
            return self.version

    async def _look(self) -> None:
        while True:
            now = await run_in_threadpool(pulse, self._database, self._tenant_id)
            if now != self.version:
                async with self._changed:
                    self.version = now
                    self._changed.notify_all()
            await asyncio.sleep(LOOK_S)


def _seen(request: Request) -> str | None:
    """Return the pulse that the page was made at, or that the stream before has told last."""
    return request.headers.get("last-event-id") or request.query_params.get("since")
