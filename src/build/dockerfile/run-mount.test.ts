import { describe, expect, test } from "bun:test";
import { parseRunMount, type RunMount } from "./run-mount.ts";

const bind = { kind: "bind", from: null, source: "/", isWritable: false } as const;
const cache = {
  kind: "cache",
  id: null,
  from: null,
  source: "/",
  isReadOnly: false,
  sharing: "shared",
  mode: 0o755,
  uid: 0,
  gid: 0,
} as const;
const secret = {
  kind: "secret",
  target: null,
  env: null,
  isRequired: false,
  mode: 0o400,
  uid: 0,
  gid: 0,
} as const;

describe("parseRunMount()", () => {
  test.each<[string, RunMount]>([
    ["target=/x", { ...bind, target: "/x" }],
    [
      "type=bind,from=b,src=/s,dst=/x,rw",
      { ...bind, target: "/x", from: "b", source: "/s", isWritable: true },
    ],
    ["type=bind,target=/x,readonly=false", { ...bind, target: "/x", isWritable: true }],
    ['type=bind,"source=a,b",target=/x', { ...bind, target: "/x", source: "a,b" }],
    ["type=cache,target=/c", { ...cache, target: "/c" }],
    [
      "type=cache,id=i,destination=/c,ro,sharing=locked,mode=1777,uid=5,gid=6",
      {
        ...cache,
        target: "/c",
        id: "i",
        isReadOnly: true,
        sharing: "locked",
        mode: 0o1777,
        uid: 5,
        gid: 6,
      },
    ],
    ["type=tmpfs,dst=/t,size=1m", { kind: "tmpfs", target: "/t", sizeBytes: 1 << 20, mode: null }],
    ["type=secret,id=k", { ...secret, id: "k" }],
    ["type=secret,target=/a/k", { ...secret, id: "k", target: "/a/k" }],
    ["type=secret,id=k,env=KEY,required", { ...secret, id: "k", env: "KEY", isRequired: true }],
    ["type=ssh", { ...secret, kind: "ssh", id: "default", mode: 0o600 }],
  ])("%s", (text, expected) => {
    expect(parseRunMount(text)).toEqual(expected);
  });

  test.each([
    ["type=chache,target=/x", "unknown mount type: chache (did you mean cache?)"],
    ["type=cache", "target is required for a cache mount"],
    ["type=bind,target=/x,sharing=shared", "unexpected key 'sharing' for a bind mount"],
    ["type=bind,traget=/x", "unexpected key 'traget' for a bind mount (did you mean target?)"],
    ["target=/x,dst=/y", "dst is given twice"],
    ["target", "target needs a value: target=…"],
    ["type=cache,target=/x,sharing=loked", "unknown sharing: loked (did you mean locked?)"],
    ["type=cache,target=/x,mode=9", "mode 9 is no octal number"],
    ["type=cache,target=/x,uid=-1", "uid=-1 is no id"],
    ["type=cache,target=/x,uid=4294967295", "uid=4294967295 is no id"],
    ["type=secret", "id or target is required for a secret mount"],
    ["type=tmpfs,target=/x,ro", "readonly is not allowed for a tmpfs mount"],
    ["type=bind,target=/x,bind-propagation=rshared", "bind-propagation is not supported"],
    ["type=bind,target=/x,Z", "Z is not supported"],
    ["type=bind,target=/x,rw=maybe", "rw=maybe is neither true nor false"],
  ])("refuses %s", (text, message) => {
    expect(() => parseRunMount(text)).toThrow(message);
  });
});
