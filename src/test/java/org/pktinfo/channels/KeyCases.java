package org.pktinfo.channels;

import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Cases of selection keys, and of the blocking mode that they require. */
final class KeyCases extends ChannelCase {
    private static final int BOTH = SelectionKey.OP_READ | SelectionKey.OP_WRITE;

    private KeyCases() {}

    static void addTo(Map<String, Case> cases) {
        registering(cases);
        interests(cases);
        cancelling(cases);
        modes(cases);
    }

    private static void registering(Map<String, Case> cases) {
        cases.put("register: what the key and the channel tell", channels -> {
            DatagramChannel channel = channels.nonBlocking();
            Selector selector = channels.selector();
            SelectionKey key = channel.register(selector, SelectionKey.OP_READ, "attached");
            return List.of(
                    key.isValid(),
                    key.channel() == channel,
                    key.selector() == selector,
                    key.attachment(),
                    key.interestOps(),
                    key.readyOps(),
                    channel.isRegistered(),
                    channel.keyFor(selector) == key,
                    selector.keys().contains(key));
        });
        cases.put("register: again, with other interests, and with another selector", channels -> {
            DatagramChannel channel = channels.nonBlocking();
            Selector selector = channels.selector();
            Selector other = channels.selector();
            SelectionKey key = channel.register(selector, SelectionKey.OP_READ, "first");
            boolean same = channel.register(selector, SelectionKey.OP_WRITE) == key;
            SelectionKey second = channel.register(other, BOTH, "second");
            return List.of(
                    same,
                    key.interestOps(),
                    String.valueOf(key.attachment()),
                    second == key,
                    second.attachment(),
                    selector.selectNow(),
                    other.selectNow(),
                    second.readyOps());
        });
        cases.put("register: blocking, with operations that it has not, without a selector", channels -> {
            DatagramChannel blocking = channels.bound();
            DatagramChannel channel = channels.nonBlocking();
            Selector selector = channels.selector();
            return outcomes(
                    () -> blocking.register(selector, SelectionKey.OP_READ),
                    () -> channel.register(selector, SelectionKey.OP_ACCEPT),
                    () -> channel.register(selector, SelectionKey.OP_CONNECT),
                    () -> channel.register(null, SelectionKey.OP_READ),
                    () -> channel.register(selector, 0));
        });
    }

    private static void interests(Map<String, Case> cases) {
        cases.put("interests: set, added, taken, bad, none", channels -> {
            SelectionKey key = channels.nonBlocking().register(channels.selector(), SelectionKey.OP_READ);
            List<Object> seen = new ArrayList<>();
            seen.add(key.interestOps(BOTH) == key);
            seen.add(key.interestOps());
            seen.add(key.interestOpsAnd(~SelectionKey.OP_READ));
            seen.add(key.interestOpsOr(SelectionKey.OP_READ));
            seen.add(key.interestOps());
            seen.addAll(outcomes(
                    () -> key.interestOps(SelectionKey.OP_ACCEPT), () -> key.interestOpsOr(SelectionKey.OP_CONNECT)));
            key.interestOps(0);
            seen.add(key.selector().selectNow());
            return seen;
        });
        cases.put("attachments: one after another", channels -> {
            SelectionKey key = channels.nonBlocking().register(channels.selector(), 0);
            return List.of(
                    String.valueOf(key.attachment()),
                    String.valueOf(key.attach("one")),
                    key.attach("other"),
                    key.attachment());
        });
    }

    private static void cancelling(Map<String, Case> cases) {
        cases.put("cancel: gone at the next selection", channels -> {
            DatagramChannel channel = channels.nonBlocking();
            Selector selector = channels.selector();
            SelectionKey key = channel.register(selector, SelectionKey.OP_WRITE);
            selector.selectNow();
            key.cancel();
            key.cancel();
            List<Object> seen = new ArrayList<>(List.of(
                    key.isValid(),
                    selector.keys().contains(key),
                    channel.isRegistered(),
                    String.valueOf(channel.keyFor(selector) == key)));
            seen.addAll(outcomes(
                    key::interestOps,
                    () -> key.interestOps(SelectionKey.OP_READ),
                    key::readyOps,
                    key::isReadable,
                    () -> channel.register(selector, SelectionKey.OP_READ)));
            seen.add(List.of(
                    selector.selectNow(),
                    selector.keys().size(),
                    selector.selectedKeys().size(),
                    channel.isRegistered(),
                    String.valueOf(channel.keyFor(selector))));
            return seen;
        });
        cases.put("cancel: then registered again it is another key", channels -> {
            DatagramChannel channel = channels.nonBlocking();
            Selector selector = channels.selector();
            SelectionKey key = channel.register(selector, SelectionKey.OP_READ);
            key.cancel();
            selector.selectNow();
            SelectionKey again = channel.register(selector, SelectionKey.OP_READ);
            channel.send(bytes("x"), at(channel));
            return List.of(again == key, again.isValid(), selector.select(SOON), next(channel));
        });
        cases.put("a channel that is closed takes its keys along", channels -> {
            DatagramChannel channel = channels.nonBlocking();
            Selector one = channels.selector();
            Selector other = channels.selector();
            SelectionKey first = channel.register(one, BOTH);
            SelectionKey second = channel.register(other, BOTH);
            channel.close();
            return List.of(
                    first.isValid(),
                    second.isValid(),
                    one.selectNow(),
                    one.keys().size(),
                    other.selectNow(),
                    other.keys().size(),
                    outcome(() -> first.interestOps()));
        });
        cases.put("another channel with the number of one that is closed is not selected by its key", channels -> {
            Selector selector = channels.selector();
            DatagramChannel gone = channels.nonBlocking();
            gone.register(selector, SelectionKey.OP_READ);
            gone.close();
            selector.selectNow();
            DatagramChannel channel = channels.nonBlocking();
            channel.send(bytes("x"), at(channel));
            awaitReadable(channel);
            int none = selector.selectNow();
            channel.register(selector, SelectionKey.OP_READ);
            return List.of(none, selector.select(SOON), next(channel));
        });
    }

    private static void modes(Map<String, Case> cases) {
        cases.put("blocking mode: told and set", channels -> {
            DatagramChannel channel = channels.bound();
            return List.of(
                    channel.isBlocking(),
                    channel.configureBlocking(false) == channel,
                    channel.isBlocking(),
                    channel.configureBlocking(false).isBlocking(),
                    channel.configureBlocking(true).isBlocking(),
                    channel.blockingLock() != null);
        });
        cases.put("blocking mode: not while there is a key, but after it", channels -> {
            DatagramChannel channel = channels.nonBlocking();
            Selector selector = channels.selector();
            SelectionKey key = channel.register(selector, SelectionKey.OP_READ);
            Object registered = outcome(() -> channel.configureBlocking(true));
            Object same = outcome(() -> channel.configureBlocking(false) == channel);
            key.cancel();
            selector.selectNow();
            channel.configureBlocking(true);
            channel.send(bytes("x"), at(channel));
            return List.of(registered, same, channel.isBlocking(), next(channel));
        });
        cases.put("blocking mode: to and fro, with datagrams between", channels -> {
            DatagramChannel channel = channels.bound();
            List<Object> seen = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                channel.configureBlocking(i % 2 == 0);
                channel.send(bytes("in mode " + i), at(channel));
                seen.add(next(channel));
            }
            seen.add(outcome(() -> channel.receive(ByteBuffer.allocate(9))));
            return seen;
        });
    }
}
