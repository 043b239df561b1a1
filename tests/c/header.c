/* The header compiles by itself, twice, as C11, C17 and C++17. */
#include <apiseal.h>
#include <apiseal.h>

#if APISEAL_VERSION_NUMBER < 1000
#error "the version number is wrong"
#endif

int main(void)
{
    return strcmp(apiseal_version(), APISEAL_VERSION) == 0 && apiseal_abi_1 == 1 ? 0 : 1;
}
