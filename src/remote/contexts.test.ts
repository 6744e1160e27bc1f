import { describe, expect, test } from "bun:test";
import { ofConf, ofJson } from "./connections.ts";
import { packContext, unpackContext } from "./context-archive.ts";
import { checkContextName, contextDocument, contextOf } from "./contexts.ts";

const docker = {
  Name: "box",
  Metadata: { Description: "a box", StackOrchestrator: "swarm" },
  Endpoints: { docker: { Host: "tcp://box:2376", SkipTLSVerify: false }, kubernetes: { a: 1 } },
};

describe("contexts", () => {
  test("keep what others have written into them", () => {
    expect(contextDocument(contextOf(docker, []))).toEqual(docker);
  });

  test("come out of their archive as they went in", () => {
    const tls = { "ca.pem": Buffer.from("ca"), "key.pem": Buffer.from("key") };
    const packed = packContext(contextOf(docker, Object.keys(tls)), tls);
    const { context, tls: read } = unpackContext(packed, "other");
    expect(contextDocument(context)).toEqual({ ...docker, Name: "other" });
    expect(read).toEqual(tls);
  });

  test.each([
    ["no tar", Buffer.from("x".repeat(600))],
    ["no meta.json", packContext(contextOf(docker, []), {}).subarray(1024)],
  ])("are not read out of %s", (_, bytes) => {
    expect(() => unpackContext(bytes, "x1")).toThrow("the file is no exported context");
  });

  test.each(["../x", "a", "-x", "a/b", "x y"])("cannot be called %s", (name) => {
    expect(() => checkContextName(name)).toThrow("invalid context name");
  });
});

describe("connections", () => {
  const destination = { uri: "ssh://me@box/run/p.sock", identity: "/k", tls: null };

  test("of podman-connections.json and of containers.conf say the same", () => {
    const json = {
      Connection: {
        Default: "box",
        Connections: { box: { URI: destination.uri, Identity: "/k" } },
      },
    };
    const conf = `[engine]\nactive_service = "box"\n[engine.service_destinations.box]\nuri = "${destination.uri}"\nidentity = "/k"\n`;
    const expected = { defaultName: "box", destinations: new Map([["box", destination]]) };
    expect(ofJson(json)).toEqual(expected);
    expect(ofConf(conf)).toEqual(expected);
  });

  test("that lead nowhere are none", () => {
    const json = { Connection: { Default: "", Connections: { a: {}, b: 7 } } };
    expect(ofJson(json)).toEqual({ defaultName: null, destinations: new Map() });
  });
});
