//! The codes of this crate's problems.

meshform_model::codes! {
    CONFLICT "MF0401" "conflicting write"
        "Somebody else wrote the resource between this writer's read and write, or it exists already although it \
         was to be created. Nothing was written. The message says who wrote it and when. Plan again to see the \
         current state; import an existing resource with `terraform import`."
    POINTER_CONFLICT "MF0402" "conflicting write of a pointer or setting"
        "A mesh's current release is kept in a pointer, and API keys in settings; both are written by \
         compare-and-swap. Another process wrote first. Try again: the second attempt starts from the current \
         value."
    FOREIGN "MF0403" "file that is not a store"
        "Where the store should be there is a file that meshform did not write. It is never overwritten. Move it \
         away, or choose another directory for the store."
    DAMAGED "MF0404" "damaged store"
        "The store's file is truncated or inconsistent, or files that belong together do not match. Nothing was \
         written to it. Restore a backup (a copy from before each change of format is in the store's `backup` \
         directory); or move the damaged file away and fill a new store from Terraform's state with `meshform \
         adopt`."
    NEWER "MF0405" "store of a newer version"
        "A newer version of meshform has changed the store's format. Use the newer version everywhere where this \
         store is used; older versions refuse to touch it."
    NETWORK "MF0406" "embedded store on a network file system"
        "The embedded store needs file locks and shared memory, which network file systems do not provide \
         reliably; using it there would damage it. Choose a directory on a local disk, or share a bucket between \
         machines (`store = \"s3://bucket/prefix\"`)."
    PERMISSION "MF0407" "missing permission for the store"
        "The operating system refused access to the store's files. The embedded store needs write access to its \
         directory even for reading, because readers and writers coordinate through files in it."
    FULL "MF0408" "no space left"
        "The disk or the quota is full. The write was rolled back; everything that was acknowledged before is \
         kept. Free some space and try again."
    BUSY "MF0409" "store busy for too long"
        "Other processes held the store's lock for longer than a writer waits. Try again; if nobody else is \
         writing, look for a process that hangs."
    IO "MF0410" "store I/O error"
        "The operating system reported an error while the store's files were read or written. The write was rolled \
         back."
    REPLACED "MF0411" "store replaced while open"
        "The store's file was moved, deleted or replaced while this process had it open. Nothing more is written, \
         because nobody would see it. Run the command again."
    CLOSED "MF0412" "store closed"
        "The store was closed while requests were still pending. What had not been acknowledged was not done."
    OTHER "MF0413" "another store than before"
        "Terraform's state records which store its resources were written to. The configured location holds \
         another store, or none. Using it would look as if every resource had been deleted. Configure the right \
         store; or, where the store was lost, fill a new one from the state with `meshform adopt`."
    SEED "MF0414" "invalid partition, region or account"
        "A store is created with the partition, region and account of its ARNs. An account has twelve digits; \
         partition and region consist of lower-case letters, digits and `-`."
    LOCATION "MF0415" "invalid store location"
        "A store is a directory, which then holds the embedded store, or a bucket: `s3://bucket/prefix`, \
         `gs://bucket/prefix`, `az://container/prefix` (also \
         `abfss://container@account.dfs.core.windows.net/prefix`), or `file:///directory` for a directory \
         that is treated as a bucket, or a cluster of etcd: `etcd://host,host/prefix`, by TLS `etcds://…`. The provider's `store` and the command's `--store` take the same."
    NO_BUCKET "MF0416" "missing bucket"
        "A store in a bucket needs an existing bucket; meshform creates objects, never buckets. Create it, or \
         correct the name. With a self-hosted server, check the endpoint too: another server may have answered."
    UNREACHABLE "MF0417" "unreachable object storage"
        "There was no connection, no answer in time, or a truncated answer, after several retries with back-off. \
         Nothing that was acknowledged before is lost, and what was written before is in Terraform's state. Check \
         network, proxy and endpoint, and apply again."
    THROTTLED "MF0418" "throttled object storage requests"
        "The service answered that there are too many requests, after several retries with growing back-off. What \
         was written before is in Terraform's state. Wait and apply again; a lower `-parallelism` makes Terraform \
         send fewer requests at once."
    CREDENTIALS "MF0419" "missing or refused credentials for object storage"
        "Credentials for S3 come from the first of these that the environment names: keys \
         (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, for temporary ones, `AWS_SESSION_TOKEN`); a web \
         identity (`AWS_WEB_IDENTITY_TOKEN_FILE` with `AWS_ROLE_ARN`); the container \
         (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` of ECS, `AWS_CONTAINER_CREDENTIALS_FULL_URI` of EKS Pod \
         Identity and others); and without any of these from the machine's metadata service. The first is \
         taken even where it fails; the message says where it was asked and what was answered. Google's come \
         from `GOOGLE_APPLICATION_CREDENTIALS` and its kin, Azure's from `AZURE_STORAGE_ACCOUNT_KEY` and its \
         kin. There are none, or the service does not know them, or they have expired. Profiles and single \
         sign-on are not read: `aws configure export-credentials --format env` turns them into variables."
    CLOCK "MF0420" "clock skew"
        "Requests are signed with the time, and the service rejects those that are minutes off. Correct this \
         machine's clock."
    REGION "MF0421" "bucket in another region"
        "The service answered that the bucket is in another region. Set the region in the provider's `s3` block, \
         or as `AWS_REGION` in the environment."
    UNCONDITIONAL "MF0422" "object storage without conditional writes"
        "Concurrent writers rely on objects being created only where none exists (`If-None-Match: *`). Before a \
         store is created this is tested with a probe object, and this server overwrote it or does not support the \
         condition. A store there would lose writes, so none is created. Amazon S3, Google Cloud Storage, Azure, \
         Cloudflare R2, MinIO and Ceph support it; some gateways do not, or not in older versions."
    ETCD "MF0470" "unreachable etcd cluster"
        "All members of the cluster were tried for some seconds, and none served the request: there is no \
         connection, there is no leader because most members are gone, or the message has etcd's error. What was \
         acknowledged before is kept. Whether a write that was in flight was done is unknown; plan again to see. \
         Reads and writes resume when most members are back."
    ETCD_CREDENTIALS "MF0471" "missing or refused user of etcd"
        "The cluster requires authentication, and no user was given, only a part of the credentials was, or user \
         or password are wrong. They come from `MESHFORM_ETCD_USER` and `MESHFORM_ETCD_PASSWORD` (or a file named \
         by `MESHFORM_ETCD_PASSWORD_FILE`), or the user is the common name of a client certificate: \
         `MESHFORM_ETCD_CERT_FILE` and `MESHFORM_ETCD_KEY_FILE`."
    ETCD_DENIED "MF0472" "no permission for the store's keys in etcd"
        "The user's roles do not permit this on keys under the store's prefix. Grant it read and write on all of \
         them: `etcdctl role grant-permission ROLE readwrite PREFIX/ --prefix=true`; for reading only, `read` is \
         enough."
    ETCD_FULL "MF0473" "quota of etcd exceeded"
        "The database has reached its quota (2 GiB unless `--quota-backend-bytes` sets another), and etcd is \
         read-only until space is freed. Nothing was written. Compact and defragment every member, then clear the \
         alarm: `etcdctl compact REVISION`, `etcdctl defrag`, `etcdctl alarm disarm`. Run clusters with \
         `--auto-compaction-retention=1h` so that old revisions are removed automatically."
    ETCD_TOO_LARGE "MF0474" "request too large for etcd"
        "etcd accepts 1.5 MiB per request unless `--max-request-bytes` sets another limit, and a record is one \
         request. Nothing was written."
    ETCD_TLS "MF0475" "TLS connection to etcd refused"
        "The member's certificate is not issued by a known authority, or does not carry its name; or the member \
         rejects the client certificate; or one side speaks TLS and the other does not. The message says which. \
         `etcds://` speaks TLS, `etcd://` does not; `MESHFORM_ETCD_CA_FILE` names the authority."
    RUN_LOST "MF0476" "run declared dead"
        "A writing process renews its lease every few seconds. This one did not within the lease time of a store \
         in etcd (15 s): it was stopped, the machine slept, or the network was down. Others may have taken over \
         its work, so it writes nothing more. Run the command again."
    EMBEDDED_IN_CI "MF0701" "embedded store in CI"
        "Without a setting, the store is a directory beside the root module or the input. A CI runner's disk does not \
         survive the run: the next run would find an empty store. So the default is refused where `CI` or `TF_BUILD` is \
         set. A bucket survives and can be shared: `store = \"s3://bucket/prefix\"` in the provider block, `--store \
         s3://bucket/prefix` for the command; or name a directory that survives the run."
}
