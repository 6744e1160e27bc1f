/** Who may ask: on a network a web page must not be able to drive the engine. Pure. */
import { CooperError } from "../errors.ts";
import type { RequestHead } from "./http/request.ts";

/**
 * A page of a browser names its origin, and one that has bent a name to our address (DNS rebinding)
 * asks for that name: neither is a client of the API.
 *
 * @param names host names by which the service may be called, besides addresses and localhost
 */
export function assertNoPage(head: RequestHead, names: readonly string[]): void {
  if (head.headers.has("origin") || head.headers.has("sec-fetch-site"))
    throw new CooperError("permission-denied", "requests of web pages are not answered");
  const host = (head.headers.get("host") ?? "").toLowerCase();
  const name = host.replace(/:\d+$/, "");
  const isAddress = /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/.test(name);
  if (!isAddress && name !== "localhost" && !names.includes(name))
    throw new CooperError("permission-denied", `this service does not go by the name "${name}"`);
}
