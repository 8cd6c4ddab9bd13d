# docker build -t pktinfo .          after mvn package; docs/containers.md lists the bases that it was made for

# Any JDK from 17 on whose own libraries need no newer glibc than BASE_IMAGE has. Temurin is built for 2.17; the JDKs of
# distributions are built for the distribution's glibc. JAVA_HOME must be set in it.
ARG JDK_IMAGE=docker.io/library/eclipse-temurin:25-jdk
ARG BASE_IMAGE=registry.access.redhat.com/ubi8/ubi-minimal

FROM ${JDK_IMAGE} AS assembly
WORKDIR /assembly
COPY target/pktinfo-server.jar .
# java.logging formats the server's log, jdk.unsupported has the signals that stop it; all else is in java.base.
RUN "$JAVA_HOME/bin/jlink" --add-modules java.base,java.logging,jdk.unsupported --strip-java-debug-attributes --no-header-files \
        --no-man-pages --output /opt/pktinfo
RUN case $(uname -m) in \
        x86_64) platform=linux_64 ;; \
        aarch64) platform=linux_arm64 ;; \
        *) platform=linux_$(uname -m) ;; \
    esac \
    && "$JAVA_HOME/bin/jar" -xf pktinfo-server.jar "META-INF/lib/$platform/libpktinfo.so" \
    && mv "META-INF/lib/$platform/libpktinfo.so" /opt/pktinfo/lib/ \
    && mv pktinfo-server.jar /opt/pktinfo/ \
    && chmod -R a+rX /opt/pktinfo
# RHEL 7 has 2.17. Without this check a newer requirement would first fail when the image runs on the older base.
ARG NEWEST_GLIBC=2.17
# Finds every name of a glibc version in any file, needed or only mentioned, because grep is the one tool in every JDK
# image. Such names sort as numbers, and GLIBC_ABI_DT_RELR of glibc 2.36 sorts behind them.
RUN newest=$(grep -raohE 'GLIBC_([0-9][0-9.]*|ABI_[A-Z_]+)' /opt/pktinfo | sort -uV | tail -n 1) \
    && echo "needs ${newest:-no version of glibc, which cannot be}, may need GLIBC_$NEWEST_GLIBC" \
    && test -n "$newest" \
    && test "$(printf '%s\n' "$newest" "GLIBC_$NEWEST_GLIBC" | sort -V | tail -n 1)" = "GLIBC_$NEWEST_GLIBC"

# Nothing is run in this stage: the base need not have a shell.
FROM ${BASE_IMAGE}
COPY --from=assembly /opt/pktinfo /opt/pktinfo
# By number, so that neither the base nor Kubernetes' runAsNonRoot needs to resolve a name.
USER 65532:65532
EXPOSE 8888/udp
# An alias of the loopback address: a server that answers from the wrong address is as unhealthy as one that is silent.
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s --retries=3 \
    CMD ["/opt/pktinfo/bin/java", "-XX:-UsePerfData", "-jar", "/opt/pktinfo/pktinfo-server.jar", "probe", "127.0.0.2", "8888"]
# Without UsePerfData and with crash reports on stderr the JVM writes no file: the root may be read-only.
ENTRYPOINT ["/opt/pktinfo/bin/java", "-XX:-UsePerfData", "-XX:+ErrorFileToStderr", \
    "-Dpktinfo.library.path=/opt/pktinfo/lib/libpktinfo.so", "-jar", "/opt/pktinfo/pktinfo-server.jar"]
CMD ["8888"]
