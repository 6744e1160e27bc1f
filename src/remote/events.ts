/** Events of an engine elsewhere. */
import { readEvent } from "../api/docker/read-event.ts";
import { object } from "../api/docker/reading.ts";
import type { EventsOptions } from "../engine.ts";
import type { EngineEvent } from "../events/event.ts";
import type { Client } from "./client.ts";
import { filtersText, fullNames } from "./names.ts";

/** As they happen, or as they were. */
export async function remoteEvents(
  client: Client,
  { since, until, follows, filters, signal }: EventsOptions,
): Promise<AsyncGenerator<EngineEvent, void>> {
  const seconds = (microseconds: number) => (microseconds / 1e6).toFixed(6);
  const end = until ?? (follows ? null : Date.now() * 1000);
  const lines = client.lines("GET", "/events", {
    query: {
      // 0 is none: what is asked for is all that there was
      since: since === null ? null : since === 0 ? "0.000001" : seconds(since),
      until: end === null ? null : seconds(end),
      filters: filtersText(filters),
    },
    signal,
  });
  const fullName = fullNames(await client.peer());
  return (async function* () {
    for await (const line of lines) yield readEvent(object(line), fullName);
  })();
}
