import { describe, expect, test } from "bun:test";
import { Document } from "../document.ts";
import { connectRequest, networkItem, networkRequest } from "./network.ts";

const request = (body: object) => networkRequest(new Document(body), "network1");

describe("networkRequest()", () => {
  test("of an empty body", () => {
    expect(request({})).toMatchObject({
      name: "network1",
      driver: "bridge",
      subnets: [],
      dnsEnabled: false,
      ipam: "host-local",
    });
  });

  test("of what Podman's client sends", () => {
    expect(
      request({
        name: "p1",
        id: "",
        driver: "macvlan",
        network_interface: "eth0",
        created: "0001-01-01T00:00:00Z",
        subnets: [
          {
            subnet: "10.98.0.0/24",
            gateway: "10.98.0.5",
            lease_range: { start_ip: "10.98.0.129", end_ip: "10.98.0.255" },
          },
          { subnet: "fd00::/64" },
        ],
        routes: [{ destination: "10.1.0.0/16", gateway: "10.98.0.9", metric: 3 }],
        ipv6_enabled: true,
        internal: true,
        dns_enabled: true,
        network_dns_servers: ["1.1.1.1"],
        labels: { a: "b" },
        options: { mtu: "1300" },
        ipam_options: { driver: "none" },
      }),
    ).toEqual({
      name: "p1",
      driver: "macvlan",
      interfaceName: "eth0",
      subnets: [
        { subnet: "10.98.0.0/24", gateway: "10.98.0.5", range: "10.98.0.129-10.98.0.255" },
        { subnet: "fd00::/64", gateway: null, range: null },
      ],
      wantsIpv4: true,
      wantsIpv6: true,
      isInternal: true,
      dnsEnabled: true,
      dnsServers: ["1.1.1.1"],
      routes: [{ destination: "10.1.0.0/16", gateway: "10.98.0.9", metric: 3 }],
      options: { mtu: "1300" },
      labels: { a: "b" },
      reserved: {},
      ipam: "none",
    });
  });

  test.each([
    [{ start_ip: "10.0.0.7" }, "10.0.0.7-10.0.0.255"],
    [{ end_ip: "10.0.0.7" }, "10.0.0.1-10.0.0.7"],
  ])("a range that is open at one end: %j", (lease_range, range) => {
    expect(request({ subnets: [{ subnet: "10.0.0.0/24", lease_range }] }).subnets[0]?.range).toBe(
      range,
    );
  });

  test.each([
    [{ driver: "zork" }, "unsupported driver zork"],
    [{ ipam_options: { driver: "dhcp" } }, "unsupported ipam driver dhcp"],
    [{ ipam_options: { x: "y" } }, "ipam_options: x is not supported"],
    [{ subnets: "x" }, "subnets is not a list"],
    [{ subnets: [{ subnet: "x", lease_range: { end_ip: "10.0.0.1" } }] }, "x"],
  ])("refuses %j", (body, message) => {
    expect(() => request(body)).toThrow(message);
  });
});

test("networkItem() has Podman's fields and name", () => {
  const document = { name: "cooper", Name: "cooper", ipv6_enabled: false, EnableIPv6: false };
  expect(networkItem(document)).toEqual({ name: "podman", ipv6_enabled: false });
});

describe("connectRequest()", () => {
  test("of what Podman's client sends", () => {
    const body = {
      container: "c",
      static_ips: ["10.0.0.9", "fd00::9"],
      static_mac: "AA-bb-cc-dd-ee-ff",
      aliases: ["db"],
      interface_name: "eth7",
    };
    expect(connectRequest("n", new Document(body))).toEqual({
      name: "n",
      addresses: ["10.0.0.9", "fd00::9"],
      macAddress: "aa:bb:cc:dd:ee:ff",
      aliases: ["db"],
      interfaceName: "eth7",
      hostInterfaceName: null,
      options: {},
    });
  });

  test.each([
    [{ static_ips: ["10.0.0.9", "10.0.0.8"] }, "two IPv4 addresses"],
    [{ static_mac: "x" }, "no MAC address"],
    [{ aliases: ["a\nb"] }, "no name that can be looked up"],
    [{ interface_name: "eth0 up\nlink" }, "no name of a link"],
  ])("refuses %j", (body, message) => {
    expect(() => connectRequest("n", new Document(body))).toThrow(message);
  });
});
