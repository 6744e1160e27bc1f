import { describe, expect, test } from "bun:test";
import { parseTarget, type TlsFiles } from "./target.ts";

const none = { tls: null, identity: null };
const tls: TlsFiles = { ca: "ca", certificate: "c", key: "k", verifies: true, serverName: null };

describe("parseTarget()", () => {
  test.each([
    ["unix:///run/cooper/cooper.sock", "unix:///run/cooper/cooper.sock"],
    ["tcp://box", "tcp://box:2375"],
    ["tcp://box:99/", "tcp://box:99"],
    ["box:99", "tcp://box:99"],
    ["http://[::1]:80", "tcp://[::1]:80"],
    ["https://box", "tcp://box:2376"],
    ["ssh://box", "ssh://box"],
    ["ssh://me@box:22/run/user/1000/podman/podman.sock", undefined],
    ["ssh://me@box:22/run/p.sock?secure=True", "ssh://me@box:22/run/p.sock"],
  ])("reads %s", (text, url) => {
    expect(parseTarget(text, none).url).toBe(url ?? text);
  });

  test("tells the parts of ssh, and the port that TLS has", () => {
    expect(parseTarget("ssh://me@box:2222/run/p.sock", { tls: null, identity: "/k" })).toEqual({
      kind: "ssh",
      url: "ssh://me@box:2222/run/p.sock",
      user: "me",
      host: "box",
      port: 2222,
      path: "/run/p.sock",
      identity: "/k",
    });
    expect(parseTarget("tcp://box", { tls, identity: null })).toMatchObject({ port: 2376, tls });
  });

  test.each(["bücher.example", "my_box", "[fe80::1]"])("ssh://%s is a host", (host) => {
    expect(parseTarget(`ssh://${host}`, none).kind).toBe("ssh");
  });

  test.each([
    ["unix://relative", "must be absolute"],
    ["tcp://", "names no host"],
    ["tcp://box:99999", "no port 99999"],
    ["tcp://box/path", "names no host"],
    ["ssh://-oProxyCommand=x", "names no host"],
    ["ssh://-l@box", "its user is no name"],
    ["ssh://$(reboot)", "its host is no name or address"],
    ["ssh://me@box`reboot`", "its host is no name or address"],
    ["tcp://box;reboot:22", "its host is no name or address"],
    ["ssh://me:secret@box", "a password does not belong there"],
    ["ssh://box?x=1", "it has a query"],
    ["ssh://box/run/$(reboot).sock", "the path of its socket"],
    ["ssh://box/run/'x.sock", "the path of its socket"],
    ["npipe:////./pipe/docker", "of Windows alone"],
    ["gopher://box", "is not known"],
    ["tcp://a b", "a blank"],
  ])("refuses %s", (text, why) => {
    expect(() => parseTarget(text, none)).toThrow(why);
  });
});
