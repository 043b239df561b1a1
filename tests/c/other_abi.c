/* A program that was built for another ABI: it must not link. */
#include <stdint.h>

extern const uint8_t apiseal_abi_2;

int main(void)
{
    return apiseal_abi_2;
}
