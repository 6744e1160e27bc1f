import { expect, test } from "bun:test";
import { proxyFor } from "./proxy.ts";

const proxy = "http://proxy.example:3128";

test.each<[string, Record<string, string>, string | null]>([
  ["https://quay.io/v2/", { HTTPS_PROXY: proxy }, proxy],
  ["https://quay.io/v2/", { https_proxy: "proxy.example:3128" }, proxy],
  ["https://quay.io/v2/", { HTTP_PROXY: proxy }, null],
  ["http://quay.io/v2/", { HTTP_PROXY: proxy }, proxy],
  ["https://localhost:5000/", { HTTPS_PROXY: proxy }, null],
  ["https://[::1]:5000/", { HTTPS_PROXY: proxy }, null],
  ["https://quay.io/", { HTTPS_PROXY: proxy, NO_PROXY: "*" }, null],
  ["https://quay.io/", { HTTPS_PROXY: proxy, NO_PROXY: "other.io, quay.io" }, null],
  ["https://cdn.quay.io/", { HTTPS_PROXY: proxy, NO_PROXY: "quay.io" }, null],
  ["https://notquay.io/", { HTTPS_PROXY: proxy, NO_PROXY: "quay.io" }, proxy],
  ["https://quay.io/", { HTTPS_PROXY: proxy, NO_PROXY: ".quay.io" }, proxy],
  ["https://quay.io:8443/", { HTTPS_PROXY: proxy, NO_PROXY: "quay.io:443" }, proxy],
  ["https://quay.io/", { HTTPS_PROXY: proxy, no_proxy: "quay.io:443" }, null],
  ["https://10.1.2.3/", { HTTPS_PROXY: proxy, NO_PROXY: "10.0.0.0/8" }, null],
  ["https://11.1.2.3/", { HTTPS_PROXY: proxy, NO_PROXY: "10.0.0.0/8" }, proxy],
])("proxyFor(%s) with %p is %p", (url, env, expected) => {
  expect(proxyFor(new URL(url), env)).toBe(expected);
});
