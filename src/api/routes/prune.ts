/** What prunes answer: a report, or since 1.56 on request a line for each thing first. */
import { json, jsonLines, type Reply } from "../http/reply.ts";
import { isTrue } from "../query.ts";
import type { Call } from "../route.ts";

/** @param ids what is gone, as the stream tells it */
export function pruneReply(
  { request, version }: Pick<Call, "request" | "version">,
  ids: readonly string[],
  report: Readonly<Record<string, unknown>>,
): Reply {
  if (version < 56 || !isTrue(request.query, "stream")) return json(report);
  const reply = jsonLines(
    (async function* () {
      for (const id of ids) yield { id, status: "Deleted" };
      yield { aux: report };
    })(),
  );
  return { ...reply, headers: { "Content-Type": "application/jsonl" } };
}
