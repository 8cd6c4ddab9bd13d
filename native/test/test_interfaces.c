#include <string.h>

#include "expect.h"
#include "interfaces.h"
#include "linux_errno.h"

static void a_name_and_an_index_belong_together(void)
{
    char name[IF_NAMESIZE];
    int index = interface_index("lo", 2);

    EXPECT_EQUAL((int)if_nametoindex("lo"), index);
    EXPECT_EQUAL(1, index > 0);
    EXPECT_EQUAL(2, interface_name(index, name));
    EXPECT_EQUAL(0, memcmp("lo", name, 2));
}

static void only_the_bytes_of_a_name_are_read(void)
{
    EXPECT_EQUAL(interface_index("lo", 2), interface_index("lol", 2));
    EXPECT_EQUAL(-LINUX_ENODEV, interface_index("lo", 1));
}

static void what_no_interface_can_be_called_is_not_found(void)
{
    EXPECT_EQUAL(-LINUX_ENODEV, interface_index("", 0));
    EXPECT_EQUAL(-LINUX_ENODEV, interface_index("lo\0x", 4));
    EXPECT_EQUAL(-LINUX_ENODEV, interface_index("fifteen_letters", 15));
    EXPECT_EQUAL(-LINUX_ENODEV, interface_index("sixteen_letters_", 16));
    EXPECT_EQUAL(-LINUX_ENODEV, interface_index("lo\0_____________", 16));
}

static void an_index_that_no_interface_has_is_an_error(void)
{
    char name[IF_NAMESIZE];

    EXPECT_EQUAL(1, interface_name(0, name) < 0);
    EXPECT_EQUAL(1, interface_name(0x7ffffffe, name) < 0);
}

int main(void)
{
    a_name_and_an_index_belong_together();
    only_the_bytes_of_a_name_are_read();
    what_no_interface_can_be_called_is_not_found();
    an_index_that_no_interface_has_is_an_error();
    return expect_failures > 0;
}
