/** Handler of events. */
import { jsonLines } from "../../http/reply.ts";
import { filtersOf, momentOf } from "../../query.ts";
import type { Handler } from "../../route.ts";
import { libpodEvent } from "../event.ts";
import { Parameters } from "../parameters.ts";

export const events: Handler = async ({ engine, request, version }) => {
  const { query, signal } = request;
  const parameters = new Parameters(query);
  const since = momentOf(parameters.text("since"));
  const until = momentOf(parameters.text("until"));
  const isPast = !parameters.flag("stream", true) || (until !== null && until <= Date.now());
  const found = await engine.events({
    filters: filtersOf(query),
    since: (since ?? (isPast ? 0 : Date.now())) * 1000,
    until: until === null ? null : until * 1000,
    follows: !isPast,
    signal,
  });
  return jsonLines(
    (async function* () {
      for await (const event of found) {
        const shown = libpodEvent(event, version);
        if (shown !== undefined) yield shown;
      }
    })(),
  );
};
