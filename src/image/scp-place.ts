/** The two ends of `image scp` (pure): `IMAGE`, `[USER@]HOST[:PORT]::[IMAGE]`, `USER@localhost::[IMAGE]`. */
import { CooperError } from "../errors.ts";
import { parseName } from "../oci/reference.ts";

/** Whose store it is. */
export type ScpStore =
  | { readonly kind: "own" }
  /** Of another user of this machine. */
  | { readonly kind: "user"; readonly user: string }
  /** On another machine; `address` is as ssh(1) takes it. */
  | { readonly kind: "ssh"; readonly address: string; readonly port: number | null };

export interface ScpEnd {
  readonly store: ScpStore;
  /** Empty: none was named. */
  readonly image: string;
}

const wherePattern =
  /^(?:ssh:\/\/)?(?:([^@:/[\]]*)@)?(\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[^@:/[\]]+)(?::(\d{1,5}))?\/?$/;
/** No word that a shell or ssh(1) could take for anything else. */
const plain = /^\w[\w.-]*$/;

/** @throws CooperError invalid-argument for what names neither an image nor a place */
export function parseScpEnd(text: string): ScpEnd {
  const at = text.indexOf("::", text.indexOf("]") + 1); // not within an address in brackets
  if (at < 0) return { store: { kind: "own" }, image: checkedImage(text) };
  const image = text.slice(at + 2);
  return { store: parseStore(text.slice(0, at)), image: image === "" ? "" : checkedImage(image) };
}

function parseStore(text: string): ScpStore {
  const [, user, host = "", port] = wherePattern.exec(text) ?? [];
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const isHost = plain.test(bare) || bare !== host;
  if (!isHost || (user !== undefined && !plain.test(user)) || Number(port ?? 1) > 65535)
    throw new CooperError("invalid-argument", `"${text}" is no place to copy images from or to`, {
      hint: "[USER@]HOST[:PORT]::, or USER@localhost:: for another user of this machine",
    });
  if (host === "localhost" && user !== undefined && port === undefined && !text.startsWith("ssh:"))
    return { kind: "user", user };
  const address = user === undefined ? bare : `${user}@${bare}`;
  return { kind: "ssh", address, port: port === undefined ? null : Number(port) };
}

/** What it says reaches a shell on the other machine: a reference has nothing that one understands. */
function checkedImage(text: string): string {
  parseName(text);
  return text;
}

/** How its user calls it, for errors. */
export function scpStoreName(store: ScpStore): string {
  if (store.kind === "own") return "this store";
  return store.kind === "user" ? `the store of ${store.user}` : store.address;
}
